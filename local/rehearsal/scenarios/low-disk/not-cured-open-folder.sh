# The owner allows a folder to be cleaned in which a service's user may write, and so may put links: it is left alone.
# with: folders=/data/open:/data/link minAgeDays=1
plant() {
  mkdir -p /data/open /etc/keep
  echo precious >/etc/keep/me
  touch -d '99 days ago' /etc/keep/me
  chmod 777 /data/open
  ln -s /etc/keep /data/link
  for number in 1 2 3 4; do head -c 11M /dev/zero >"/data/open/file-$number"; done
  touch -d '9 days ago' /data/open/*
}
after() {
  [ "$(find /data/open -size 11M | wc -l)" = 4 ]
  [ "$(cat /etc/keep/me)" = precious ]
  grep -q 'others than root may write in /data/open' <<<"$output_free_space"
  grep -q '/data/link is no folder' <<<"$output_free_space"
}
