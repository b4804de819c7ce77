# A server leaks open files, and fills the higher limit too: it gets its old one back.
# with: process=leak
plant() {
  cat >/opt/leak <<'END'
#!/usr/bin/perl
while (1) {
  my $file;
  if (open($file, '<', '/dev/null')) { push(@kept, $file) } else { select(undef, undef, undef, 0.05) }
}
END
  chmod 755 /opt/leak
  setsid bash -c 'ulimit -Sn 64; echo $$ >/run/hog; exec /opt/leak' >/dev/null 2>&1 </dev/null &
  until [ -s /run/hog ]; do sleep 0.05; done
  sleep 0.3
}
after() {
  grep -q 'may open 128 now' <<<"$output_raise"
  grep -q '^Max open files  *64 ' "/proc/$(cat /run/hog)/limits"
}
