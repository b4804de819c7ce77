# A script spins, and so do what must not be paused: the script is let go on.
# with: minCpuPercent=10 minAgeMinutes=0 maxUsedPercent=10
. /opt/host/lib/busy.sh
. /opt/host/lib/groups.sh
plant() {
  one_processor
  for name in runaway shop postgres machine unknown; do spin "$name"; done
  sleep 0.5
}
mounts() {
  in_group /system.slice/cron.service "$(cat /run/runaway)"
  in_group /user.slice/user-1000.slice/user@1000.service/app.slice/shop.service "$(cat /run/shop)"
  in_group /system.slice/system-postgresql.slice/postgresql@16-main.service "$(cat /run/postgres)"
  in_group '/machine.slice/machine-qemu\\x2d1\\x2dweb.scope' "$(cat /run/machine)"
}
after() {
  grep -q "^paused $(cat /run/runaway) " <<<"$output_pause"
  [ "$(grep -c '^paused' <<<"$output_pause")" = 1 ]
  grep -q 'belongs to user/shop.service, which people may need: left alone' <<<"$output_pause"
  grep -q 'of postgresql@16-main.service) keeps data: left alone' <<<"$output_pause"
  grep -q 'which may be a container or a virtual machine: left alone' <<<"$output_pause"
  grep -q "^$(cat /run/unknown) (perl) belongs to no unit that is known: left alone" <<<"$output_pause"
  for name in runaway shop postgres machine unknown; do grep -q '^State:.[RS]' "/proc/$(cat "/run/$name")/status"; done
}
