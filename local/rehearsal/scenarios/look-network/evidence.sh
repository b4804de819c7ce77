# eth0 carries 800 Mbit/s, a tenth of the segments are sent again, and a program accepts too slowly.
mounts() {
  mkdir -p /run/proc/net
  write() {
    printf 'Inter-|   Receive\n face |bytes\n  eth0: %d 9 0 0 0 0 0 0 %d 9 0 0 0 0 0 0\n' $((100000000 * $1)) $((1000 * $1)) >/run/proc/net/dev
    printf 'Tcp: names\nTcp: 1 200 120000 -1 9 9 9 9 9 9 %d %d 0 0\n' $((100 * $1)) $((10 * $1)) >/run/proc/net/snmp
    printf 'TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 %d %d\n' $((3 * $1)) $((3 * $1)) >/run/proc/net/netstat
  }
  export -f write
  write 0
  echo '  sl  local_address rem_address   st' >/run/proc/net/tcp
  for _ in {1..40}; do echo '   0: 0100007F:1F90 0100007F:0016 08' >>/run/proc/net/tcp; done
  setsid bash -c 'for second in {1..600}; do write "$second"; sleep 1; done' >/dev/null 2>&1 </dev/null &
  # A process sees its own /proc/net, so the whole /proc is the scenario's.
  mount --bind /run/proc /proc
}
after() {
  grep -qE '^VERDICT: eth0 carries [0-9]{3,4} Mbit/s; [0-9]+ % of the segments are sent again; a program accepts connections too slowly$' \
    <<<"$output_look"
  grep -q '^40 close-wait$' <<<"$output_connections"
}
