// SPDX-License-Identifier: MIT

// The work of bench/apps on gorilla/websocket, the way its own examples are
// written: a goroutine that reads and one that writes for each connection, and
// a channel of 256 messages between them.
//
//	gorilla raw       sends every message back as it came
//	gorilla routed    envelopes, routed by their event
//	gorilla room      sends every message to every connection
//
// It listens on a free port of 127.0.0.1: "listening on PORT".
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"sync"

	"github.com/gorilla/websocket"
)

const (
	limit  = 1024 * 1024
	queued = 256
)

type message struct {
	kind int
	data []byte
}

type peer struct {
	socket *websocket.Conn
	out    chan message
}

func (p *peer) send(m message) {
	p.out <- m
}

type envelope struct {
	ID      string          `json:"id,omitempty"`
	Event   string          `json:"event,omitempty"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

type work func(p *peer, m message)

func raw(p *peer, m message) {
	p.send(m)
}

// ---- routed ----

type handler func(p *peer, e envelope, m message)

type router struct {
	mu     sync.Mutex
	counts map[string]int
	routes map[string]handler
}

func newRouter() *router {
	r := &router{counts: map[string]int{}, routes: map[string]handler{}}
	for event, h := range map[string]handler{
		"bench":  forward,
		"answer": answer,
		"decode": decode,
	} {
		r.routes[event] = recovered(r.counted(h))
	}
	return r
}

func recovered(next handler) handler {
	return func(p *peer, e envelope, m message) {
		defer func() {
			if err := recover(); err != nil {
				log.Print(err)
			}
		}()
		next(p, e, m)
	}
}

func (r *router) counted(next handler) handler {
	return func(p *peer, e envelope, m message) {
		r.mu.Lock()
		r.counts[e.Event]++
		r.mu.Unlock()
		next(p, e, m)
	}
}

func forward(p *peer, _ envelope, m message) {
	p.send(m)
}

func answer(p *peer, e envelope, _ message) {
	data, err := json.Marshal(envelope{e.ID, "answered", e.Payload})
	if err == nil {
		p.send(message{websocket.TextMessage, data})
	}
}

func decode(p *peer, e envelope, _ message) {
	var payload any
	if json.Unmarshal(e.Payload, &payload) != nil {
		return
	}
	data, err := json.Marshal(map[string]any{
		"event": "decoded", "payload": payload,
	})
	if err == nil {
		p.send(message{websocket.TextMessage, data})
	}
}

func (r *router) route(p *peer, m message) {
	var e envelope
	if json.Unmarshal(m.data, &e) != nil {
		return
	}
	if h := r.routes[e.Event]; h != nil {
		h(p, e, m)
	}
}

// ---- room ----

type room struct {
	mu    sync.RWMutex
	peers map[*peer]struct{}
}

func (r *room) broadcast(_ *peer, m message) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for p := range r.peers {
		p.send(m)
	}
}

func (r *room) join(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.peers[p] = struct{}{}
}

func (r *room) leave(p *peer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.peers, p)
}

// ---- connections ----

func (p *peer) write() {
	for m := range p.out {
		if p.socket.WriteMessage(m.kind, m.data) != nil {
			break
		}
	}
	p.socket.Close()
	for range p.out { // whoever sends must not wait for a peer that is gone
	}
}

func (p *peer) read(do work) {
	for {
		kind, data, err := p.socket.ReadMessage()
		if err != nil {
			return
		}
		do(p, message{kind, data})
	}
}

func serve(do work, all *room) http.HandlerFunc {
	upgrader := websocket.Upgrader{
		CheckOrigin: func(*http.Request) bool { return true },
	}
	return func(w http.ResponseWriter, r *http.Request) {
		socket, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		socket.SetReadLimit(limit)
		p := &peer{socket, make(chan message, queued)}
		all.join(p)
		go p.write()
		p.read(do)
		all.leave(p)
		close(p.out)
	}
}

func main() {
	all := &room{peers: map[*peer]struct{}{}}
	works := map[string]work{
		"raw":    raw,
		"routed": newRouter().route,
		"room":   all.broadcast,
	}
	if len(os.Args) != 2 || works[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gorilla raw | routed | room")
		os.Exit(2)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr().(*net.TCPAddr).Port)
	http.Handle("/ws", serve(works[os.Args[1]], all))
	log.Fatal(http.Serve(listener, nil))
}
