// Clients by others that talk to the server. Go 1.19 is what Debian 12 has.
module wspulse/conformance

go 1.19

require (
	github.com/coder/websocket v1.8.12
	github.com/gorilla/websocket v1.5.3
)
