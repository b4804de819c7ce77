# The authority refuses to renew.
# with: tlsPort=8443
. /opt/host/lib/certificates.sh
plant() {
  serve
  touch /run/certbot.refused
}
after() {
  grep -q 'too many certificates' <<<"$output_renew"
  served
}
