# A program missed the signal that its children had died; told again, it buries them.
plant() {
  cat >/opt/parent <<'SCRIPT'
#!/usr/bin/perl
use POSIX ":sys_wait_h";
for (1 .. 8) { my $child = fork(); if (!$child) { exit 0 } }
select(undef, undef, undef, 0.3);
$SIG{CHLD} = sub { 1 while waitpid(-1, WNOHANG) > 0 };
sleep 1 while 1;
SCRIPT
  chmod 755 /opt/parent
  setsid /opt/parent >/dev/null 2>&1 </dev/null &
  echo $! >/run/parent
  sleep 0.6
}
after() {
  grep -q '^zombies: 8' <<<"$output_look"
  grep -q "told $(cat /run/parent) (parent) of its 8" <<<"$output_reap"
  [ -e "/proc/$(cat /run/parent)" ]
}
