# Archives of last month make the journal too large: the oldest go, and no more than needed.
# with: maxMegabytes=4
plant() {
  mkdir -p /var/log/journal/host
  for number in 1 2; do
    head -c 2M /dev/zero >"/var/log/journal/host/system@$number.journal"
    touch -d "$((30 - number)) days ago" "/var/log/journal/host/system@$number.journal"
  done
  head -c 1M /dev/zero >/var/log/journal/host/system@3.journal
  echo now >/var/log/journal/host/system.journal
}
after() {
  [ ! -e /var/log/journal/host/system@1.journal ]
  [ "$(stat -c %s /var/log/journal/host/system@2.journal)" = 2097152 ]
  [ "$(stat -c %s /var/log/journal/host/system@3.journal)" = 1048576 ]
}
