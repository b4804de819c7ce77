# Which units and processes are never touched: firstline/runbooks/protected.py.
firstline_kept_unit() {
  case ${1%.service} in
@UNITS@
  esac
}
firstline_kept_unit_at_start() {
  case ${1%.service} in
@STARTS@
  esac
}
firstline_kept_process() {
  case $1 in
@PROCESSES@
  esac
}
firstline_property() { systemctl show -p "$2" -- "$1" | sed -n "1s/^$2=//p"; }
# The unit of a process: the first service or scope of its cgroup. A user's own unit has `user/` before its name. Below
# something that is no slice, such as a container's folder, units are not this host's.
firstline_unit() {
  { sed -n -e 's/^0:://p' -e 's/^[0-9]*:name=systemd://p' "/proc/$1/cgroup" 2>/dev/null || true; } | sed -nE \
    -e 's#^(/[^/]+\.slice)*/user@[^/]+\.service(/[^/]+\.slice)*/([^/]+\.(service|scope))(/.*)?$#user/\3#p' -e t \
    -e 's#^(/[^/]+\.slice)*/([^/]+\.(service|scope))(/.*)?$#\2#p' | head -n 1
}
# All that systemd stops together with a unit, the unit itself left out.
firstline_stopped_with() {
  local seen=" $1 " queue=$1 wave unit other
  while [ -n "$queue" ]; do
    wave=$queue queue=
    for unit in $wave; do
      for other in $(systemctl show -p RequiredBy,RequisiteOf,BoundBy,ConsistsOf,PropagatesStopTo -- "$unit" |
        sed 's/^[^=]*=//'); do
        case $seen in *" $other "*) ;; *) seen="$seen$other " queue="$queue $other" ;; esac
      done
    done
  done
  echo "${seen# "$1" }"
}
firstline_sound_unit() {
  local unit=$1 kept=$2 reason
  command -v systemctl >/dev/null || { echo "systemctl is not on this host: nothing was done" >&2; exit 3; }
  # An alias is another name of the same unit.
  for name in "$unit" $(firstline_property "$unit" Id) $(firstline_property "$unit" Names); do
    case $name in *.service) ;; *) echo "$name is not a service: left alone" >&2; return 1 ;; esac
    reason=$("$kept" "$name")
    if [ -n "$reason" ]; then echo "$name $reason: left alone" >&2; return 1; fi
  done
  if [ "$(firstline_property "$unit" LoadState)" != loaded ]; then
    echo "$unit is no unit of this host: nothing was done" >&2
    return 1
  fi
  if [ "$(firstline_property "$unit" Type)" = oneshot ]; then
    echo "$unit is a job that runs once, not a service: left alone" >&2
    return 1
  fi
  case $(firstline_property "$unit" TriggeredBy) in
    *.timer*) echo "$unit is a job of a timer, which runs it when it is due: left alone" >&2; return 1 ;;
  esac
  if [ -f /etc/firstline/units ]; then
    while read -r pattern; do
      # shellcheck disable=SC2053
      [[ -z $pattern || ($unit != $pattern && ${unit%.service} != $pattern) ]] || return 0
    done </etc/firstline/units
    echo "/etc/firstline/units of this host does not list $unit: left alone" >&2
    return 1
  fi
}
firstline_may_start() {
  firstline_sound_unit "$1" firstline_kept_unit_at_start || return 1
  local state
  state=$(firstline_property "$1" ActiveState)
  if [ "$state" != failed ]; then
    echo "$1 is $state and has not failed; somebody may have stopped it: nothing was started" >&2
    return 1
  fi
  if [ "$(firstline_property "$1" RefuseManualStart)" = yes ]; then
    echo "$1 refuses to be started by hand: nothing was started" >&2
    return 1
  fi
  local other
  for other in $(firstline_property "$1" Conflicts) $(firstline_property "$1" ConflictedBy); do
    case $other in *.service) ;; *) continue ;; esac
    case $(firstline_property "$other" ActiveState) in
      active | activating | reloading)
        echo "starting $1 would stop $other, which it conflicts with: nothing was started" >&2
        return 1
        ;;
    esac
  done
  for other in $(firstline_property "$1" Requires) $(firstline_property "$1" BindsTo); do
    case $other in *.service) ;; *) continue ;; esac
    # A static unit or a job that runs once is there for whoever needs it.
    case $(firstline_property "$other" UnitFileState),$(firstline_property "$other" Type) in
      static,* | *,oneshot) continue ;;
    esac
    case $(firstline_property "$other" ActiveState) in
      inactive)
        echo "$1 needs $other, which is inactive; somebody may have stopped it: nothing was started" >&2
        return 1
        ;;
    esac
  done
}
firstline_may_interrupt() {
  firstline_sound_unit "$1" firstline_kept_unit || return 1
  local refuse
  for refuse in RefuseManualStart RefuseManualStop; do
    if [ "$(firstline_property "$1" "$refuse")" = yes ]; then
      echo "$1 refuses to be started or stopped by hand: left alone" >&2
      return 1
    fi
  done
  local other reason
  for other in $(firstline_stopped_with "$1"); do
    case $other in
      *.service) reason=$(firstline_kept_unit "$other") ;;
      *.mount | *.automount | *.swap) reason="is in use" ;;
      *) reason= ;;
    esac
    if [ -n "$reason" ]; then
      echo "stopping $1 would stop $other too, which $reason: left alone" >&2
      return 1
    fi
  done
  case $(firstline_property "$1" UnitFileState),$(firstline_property "$1" ActiveState) in
    enabled,active | enabled-runtime,active | generated,active | *,failed | *,activating) ;;
    *)
      echo "$1 is not an enabled service that runs, and has not failed: left alone" >&2
      return 1
      ;;
  esac
}
firstline_may_signal() {
  local name unit reason parent=$$
  name=$(cat "/proc/$1/comm" 2>/dev/null) || { echo "there is no process $1 any more" >&2; return 1; }
  if [ "$1" -le 1 ] || ! readlink "/proc/$1/exe" >/dev/null; then
    echo "$1 ($name) is the kernel's or the first process: left alone" >&2
    return 1
  fi
  while [ "${parent:-0}" -gt 1 ]; do
    if [ "$parent" = "$1" ]; then echo "$1 ($name) runs this command: left alone" >&2; return 1; fi
    parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$parent/status" 2>/dev/null) || break
  done
  unit=$(firstline_unit "$1")
  reason=$(firstline_kept_process "$name")
  # A login and a job of cron or at are nobody's service, though systemd keeps a scope for them.
  case $unit in session-*.scope | cron.service | crond.service | atd.service) ;;
    *) reason=${reason:-$(firstline_kept_unit "${unit#user/}")} ;;
  esac
  case $unit in
    "") reason=${reason:-belongs to no unit that is known} ;;
    session-*.scope) ;;
    *.scope) reason=${reason:-belongs to ${unit#user/}, which may be a container or a virtual machine} ;;
  esac
  if [ -n "$reason" ]; then
    echo "$1 ($name${unit:+ of $unit}) $reason: left alone" >&2
    return 1
  fi
}
