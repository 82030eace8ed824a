sleep 0.3
sqlite3 users.sqlite "SELECT method, sip_code, src_user, dst_ouser, dst_user FROM acc ORDER BY id"
