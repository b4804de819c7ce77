# A server sleeps while its callers queue up at its port.
# with: watchSeconds=1
. /opt/host/lib/memory.sh
. /opt/host/lib/groups.sh
plant() {
  service shop-worker 'exec sleep 600'
  cp "$(readlink -f /usr/bin/perl)" /opt/shop-worker
  cat >/opt/worker.pl <<'SCRIPT'
use IO::Socket::INET;
my $door = IO::Socket::INET->new(LocalAddr => "127.0.0.1:7070", Listen => 5, ReuseAddr => 1) or die $!;
if (! -e "/run/worker.began") { open(my $began, ">", "/run/worker.began"); sleep 600 }
while (my $caller = $door->accept) { close($caller) }
SCRIPT
  sed -i 's|ExecStart=.*|ExecStart=/opt/shop-worker /opt/worker.pl|' /etc/systemd/system/shop-worker.service
  systemctl start shop-worker.service
  for caller in 1 2; do
    setsid bash -c "until exec 3<>/dev/tcp/127.0.0.1/7070; do sleep 0.05; done; touch /run/caller-$caller; sleep 60" \
      >/dev/null 2>&1 </dev/null &
  done
  until [ -e /run/caller-1 ] && [ -e /run/caller-2 ]; do sleep 0.05; done
}
mounts() { in_group /system.slice/shop-worker.service $(pgrep -x shop-worker); }
after() {
  [ "$(systemctl is-active shop-worker.service)" = active ]
  grep -q '2 callers wait to be accepted, and none was' <<<"$output_restart_service"
}
