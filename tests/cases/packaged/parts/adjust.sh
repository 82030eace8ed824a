# What the packaged configuration asks its user to adjust: addresses of gateway and voicemail, and here a time.
sed -e 's/^pstn.gw_ip = ""/pstn.gw_ip = "127.0.0.1"/' \
    -e 's/^pstn.gw_port = ""/pstn.gw_port = "{port.gateway}"/' \
    -e 's/^voicemail.srv_ip = ""/voicemail.srv_ip = "127.0.0.1"/' \
    -e 's/^voicemail.srv_port = "5060"/voicemail.srv_port = "{port.voicemail}"/' \
    -e 's/"fr_inv_timer", 120000/"fr_inv_timer", 700/' \
    /etc/kamailio/kamailio.cfg > adjusted.cfg
