# The kernel cannot empty the swap after all.
. /opt/host/lib/swap.sh
mounts() {
  with_swap 800000
  touch /run/host/swap.sticks
}
after() { [ "$(awk 'NR > 1 { used += $4 } END { print NR - 1, used }' /proc/swaps)" = "2 450000" ]; }
