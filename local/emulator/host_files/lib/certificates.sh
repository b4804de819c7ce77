# A host whose web server shows a certificate that is about to end.

# serve: a certificate of three days, and nginx (OpenSSL's own server) that shows it on port 8443.
serve() {
  local folder=/etc/letsencrypt/live/shop.example.com
  mkdir -p "$folder"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3 -config /dev/null \
    -subj /CN=shop.example.com -keyout "$folder/privkey.pem" -out "$folder/cert.pem" 2>/dev/null
  cat >/opt/nginx <<END
#!/bin/bash
# Not by \$!: a reload right after a start would signal the server before it, and the old certificate would stay.
trap 'kill \$(jobs -p)' HUP
while :; do
  openssl s_server -quiet -accept 8443 -cert $folder/cert.pem -key $folder/privkey.pem >/dev/null 2>&1 </dev/null &
  wait \$!
  sleep 0.05
done
END
  chmod 755 /opt/nginx
  printf '[Service]\nExecStart=/opt/nginx\nExecReload=kill -HUP $MAINPID\n' >/etc/systemd/system/nginx.service
  systemctl start nginx.service
  until served; do sleep 0.1; done
}

served() { openssl s_client -connect 127.0.0.1:8443 </dev/null 2>/dev/null | openssl x509 -noout -enddate 2>/dev/null; }
