# The table is full at its size of the factory.
plant() {
  mkdir -p /run/host/sysctl
  echo 32768 >/run/host/sysctl/net.netfilter.nf_conntrack_max
  echo 32001 >/run/host/sysctl/net.netfilter.nf_conntrack_count
}
after() { [ "$(sysctl -n net.netfilter.nf_conntrack_max)" = 65536 ]; }
