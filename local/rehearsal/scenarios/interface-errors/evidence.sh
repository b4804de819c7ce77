# The link of eth0 goes down and up, and its card counts broken frames.
mounts() {
  ip link add eth0 type veth peer name eth1
  ip link set eth1 up
  for _ in 1 2 3; do ip link set eth0 up; ip link set eth0 down; done
  ip link set eth0 up
  mkdir -p /run/host/ethtool
  printf '\tSpeed: 100Mb/s\n\tDuplex: Half\n\tLink detected: yes\n' >/run/host/ethtool/eth0
  printf 'NIC statistics:\n     rx_crc_errors: 4711\n     tx_errors: 0\n' >/run/host/ethtool/eth0.statistics
  echo 'kernel: ena 0000:00:05.0 eth0: Link is Down' >/var/log/kernel.log
}
after() {
  grep -qE '^eth0  0 \(\+0\)' <<<"$output_counters"
  grep -q 'rx_crc_errors: 4711' <<<"$output_link"
  grep -q 'Duplex: Half' <<<"$output_link"
  grep -q 'state UP' <<<"$output_link"
  grep -q 'Link is Down' <<<"$output_kernel_log"
}
