# A database with two users, an alias, a speed dial entry, a domain, a trusted address.
set -e
"{proxy_path}" db create sqlite:///users.sqlite
"{proxy_path}" db add-user-plain sqlite:///users.sqlite alice@{domain} secret-a
"{proxy_path}" db add-user-plain sqlite:///users.sqlite bob@{domain} secret-b
sqlite3 users.sqlite < accounts.sql
sh adjust.sh
