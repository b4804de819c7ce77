# There is no memory that swapped pages could come back to.
. /opt/host/lib/swap.sh
mounts() { with_swap 300000; }
after() {
  grep -q 'nothing was done' <<<"$output_refill"
  [ "$(awk 'NR > 1 { used += $4 } END { print NR - 1, used }' /proc/swaps)" = "2 450000" ]
}
