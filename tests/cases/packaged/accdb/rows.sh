# Rows are written beside the traffic.
sleep 0.3
sqlite3 users.sqlite "SELECT method, sip_code, sip_reason, src_user, src_domain, src_ip, dst_ouser, dst_user, dst_domain, typeof(time), from_tag <> '', to_tag <> '' FROM acc ORDER BY id"
sqlite3 users.sqlite "SELECT 'missed', method, sip_code, sip_reason, src_user, src_ip, dst_ouser, dst_user FROM missed_calls ORDER BY id"
