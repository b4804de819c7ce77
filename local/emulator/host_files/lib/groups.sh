# Control groups: on a throw-away host every process is in the same one, so a scenario says which one it would be in.

# in_group PATH PID...: these processes are in this control group, as in /system.slice/shop.service.
in_group() {
  local path=$1 pid
  shift
  mkdir -p /run/host
  for pid in "$@"; do
    echo "0::$path" >"/run/host/cgroup.$pid"
    mount --bind "/run/host/cgroup.$pid" "/proc/$pid/cgroup"
  done
}
