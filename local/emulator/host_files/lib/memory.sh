# A host with little memory of its own, and services that fill it.

# service NAME SCRIPT: an enabled unit whose program is the script.
service() {
  printf '#!/bin/bash\n%s\n' "$2" >"/opt/$1"
  chmod 755 "/opt/$1"
  printf '[Service]\nExecStart=/opt/%s\n[Install]\nWantedBy=multi-user.target\n' "$1" >"/etc/systemd/system/$1.service"
  systemctl enable "$1.service"
}

# small_memory MEBIBYTES: /run/host/meminfo, to be mounted over /proc/meminfo, tells what the host's own processes leave
# of so much. It is written in place, with numbers of fixed width, so that nobody ever reads half of it.
small_memory() {
  mkdir -p /run/host
  cat >/opt/host/memory <<'END'
#!/bin/bash
while :; do
  used=$(cat /proc/[0-9]*/status 2>/dev/null | awk '/^RssAnon:/ { sum += $2 } END { print sum + 0 }')
  free=$(($1 * 1024 - used))
  [ "$free" -ge 0 ] || free=0
  printf '%-16s%8d kB\n' MemTotal: $(($1 * 1024)) MemFree: "$free" MemAvailable: "$free" SwapTotal: 0 SwapFree: 0 \
    1<>/run/host/meminfo
  sleep 0.1
done
END
  chmod 755 /opt/host/memory
  setsid /opt/host/memory "$1" >/dev/null 2>&1 </dev/null &
  until [ -s /run/host/meminfo ]; do sleep 0.05; done
}

# until_used_percent N: wait, ten seconds at most, until so much of the memory is used.
until_used_percent() {
  local try
  for try in $(seq 100); do
    if awk -v wanted="$1" '/^MemTotal/ { total = $2 } /^MemAvailable/ { free = $2 }
      END { exit 100 * (total - free) / total < wanted }' /run/host/meminfo; then return 0; fi
    sleep 0.1
  done
  echo "the memory did not fill up in $try tries" >&2
  return 1
}
