-- Prosody as the peer of the bench: anonymous people in rooms whose archive is in SQLite, and nothing that the
-- bench does not need. Limits on clients are off on both sides.
pidfile = "@DATA@/prosody.pid"
data_path = "@DATA@"
certificates = "@DATA@/certs"
-- The bench is run by whoever runs it.
run_as_root = true
modules_enabled = { "saslauth" }
modules_disabled = { "s2s", "offline", "tls" }
interfaces = { "127.0.0.1" }
c2s_ports = { @PORT@ }
c2s_direct_tls_ports = {}
s2s_ports = {}
http_ports = {}
https_ports = {}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
storage = "sql"
sql = { driver = "SQLite3", database = "prosody.sqlite" }
log = { warn = "*console" }

VirtualHost "bench.localhost"
	authentication = "anonymous"

Component "rooms.bench.localhost" "muc"
	modules_enabled = { "muc_mam" }
	muc_log_by_default = true
	muc_log_all_rooms = true
	muc_room_locking = false
	muc_log_expires_after = "never"
