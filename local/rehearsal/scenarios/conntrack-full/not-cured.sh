# A flood of connections fills the larger table too: it is made small again.
plant() {
  mkdir -p /run/host/sysctl
  echo 32768 >/run/host/sysctl/net.netfilter.nf_conntrack_max
  echo 63001 >/run/host/sysctl/net.netfilter.nf_conntrack_count
}
after() { [ "$(sysctl -n net.netfilter.nf_conntrack_max)" = 32768 ]; }
