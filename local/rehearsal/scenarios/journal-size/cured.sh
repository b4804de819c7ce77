# Archives of last week make the journal too large.
# with: maxMegabytes=4
plant() {
  mkdir -p /var/log/journal/host
  for number in 1 2; do head -c 3M /dev/zero >"/var/log/journal/host/system@$number.journal"; done
  touch -d '9 days ago' /var/log/journal/host/*
  head -c 1M /dev/zero >/var/log/journal/host/system@3.journal
  echo now >/var/log/journal/host/system.journal
}
after() {
  [ ! -e /var/log/journal/host/system@1.journal ]
  [ "$(stat -c %s /var/log/journal/host/system@3.journal)" = 1048576 ]
}
