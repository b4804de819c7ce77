# A host with swap of its own: two areas, whose use is told by files that lie over the kernel's.

# with_swap AVAILABLE: so many KiB of memory are free; 450,000 are swapped out.
with_swap() {
  mkdir -p /run/host
  printf '%-16s%8d kB\n' MemTotal: 1000000 MemAvailable: "$1" SwapTotal: 500000 SwapFree: 50000 >/run/host/meminfo
  {
    printf '%-40s%-16s%-16s%-16s%s\n' Filename Type Size Used Priority
    printf '%-40s%-16s%-16s%-16s%s\n' /dev/nvme2n1 partition 400000 400000 -2 /swapfile file 100000 50000 5
  } >/run/host/swaps
  mount --bind /run/host/meminfo /proc/meminfo
  mount --bind /run/host/swaps /proc/swaps
}
