# Both threads of a worker wait for a lock that the other one holds.
# with: watchSeconds=2
. /opt/host/lib/memory.sh
. /opt/host/lib/groups.sh
plant() {
  service shop-worker 'exec sleep 600'
  cp "$(readlink -f /usr/bin/perl)" /opt/shop-worker
  cat >/opt/worker.pl <<'SCRIPT'
use Fcntl ":flock";
if (-e "/run/worker.began") { sleep 600 }
open(my $began, ">", "/run/worker.began");
open(my $one, ">", "/run/one"); open(my $other, ">", "/run/other");
my $child = fork();
my ($first, $second) = $child ? ($one, $other) : ($other, $one);
# Files that are opened before a fork share their locks, so each opens its own.
open($first, ">", $child ? "/run/one" : "/run/other"); open($second, ">", $child ? "/run/other" : "/run/one");
flock($first, LOCK_EX); select(undef, undef, undef, 0.2); flock($second, LOCK_EX);
SCRIPT
  sed -i 's|ExecStart=.*|ExecStart=/opt/shop-worker /opt/worker.pl|' /etc/systemd/system/shop-worker.service
  systemctl start shop-worker.service
  sleep 0.4
}
mounts() { in_group /system.slice/shop-worker.service $(pgrep -x shop-worker); }
after() {
  [ "$(systemctl is-active shop-worker.service)" = active ]
  grep -q 'all its threads wait for a lock' <<<"$output_restart_service"
}
