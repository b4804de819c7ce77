# Memory was short last night and is not any more; 90 % of the swap are still in use.
. /opt/host/lib/swap.sh
mounts() { with_swap 800000; }
after() { [ "$(awk '$1 == "/dev/nvme2n1" || $1 == "/swapfile" { print $1, $4, $5 }' /proc/swaps)" = "/dev/nvme2n1 0 -2
/swapfile 0 5" ]; }
