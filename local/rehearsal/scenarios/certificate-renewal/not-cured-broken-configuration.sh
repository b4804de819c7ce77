# It is renewed, but somebody broke the web server's configuration: it is not reloaded, and serves on.
# with: tlsPort=8443
. /opt/host/lib/certificates.sh
plant() {
  serve
  mkdir -p /etc/nginx
  touch /etc/nginx/broken
}
after() {
  grep -q 'the configuration of nginx is broken' <<<"$output_renew"
  served
}
