// SPDX-License-Identifier: MIT

// Command gorilla is the client of github.com/gorilla/websocket.
package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/gorilla/websocket"

	"wspulse/conformance/dialogue"
)

const patience = 10 * time.Second

type client struct {
	conn  *websocket.Conn
	inbox dialogue.Inbox
	pongs chan string
}

func (c *client) Inbox() dialogue.Inbox { return c.inbox }

func (c *client) Open(
	url string, subprotocols []string, isPacked bool,
) (string, error) {
	dialer := websocket.Dialer{
		Subprotocols:      subprotocols,
		EnableCompression: isPacked,
	}
	conn, _, err := dialer.Dial(url, nil)
	if err != nil {
		return "", err
	}
	c.conn = conn
	conn.SetPongHandler(func(text string) error {
		c.pongs <- text
		return nil
	})
	go c.read()
	return conn.Subprotocol(), nil
}

func (c *client) read() {
	for {
		kind, data, err := c.conn.ReadMessage()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			c.inbox.Ended <- dialogue.End{Code: closed.Code, Reason: closed.Text}
		}
		if err != nil {
			return
		}
		isText := kind == websocket.TextMessage
		c.inbox.Messages <- dialogue.Message{IsText: isText, Data: data}
	}
}

// Send lets the writer cut frames: one whenever its buffer of 4,096 is full.
func (c *client) Send(isText bool, pieces ...[]byte) error {
	kind := websocket.BinaryMessage
	if isText {
		kind = websocket.TextMessage
	}
	if len(pieces) == 1 {
		return c.conn.WriteMessage(kind, pieces[0])
	}
	writer, err := c.conn.NextWriter(kind)
	if err != nil {
		return err
	}
	for _, piece := range pieces {
		if _, err := writer.Write(piece); err != nil {
			return err
		}
	}
	return writer.Close()
}

func (c *client) Ping(text string) error {
	until := time.Now().Add(patience)
	err := c.conn.WriteControl(websocket.PingMessage, []byte(text), until)
	if err != nil {
		return err
	}
	select {
	case pong := <-c.pongs:
		if pong != text {
			return fmt.Errorf("the pong says %q", pong)
		}
		return nil
	case <-time.After(patience):
		return errors.New("there is no pong")
	}
}

func (c *client) Close(code int, reason string) error {
	body := websocket.FormatCloseMessage(code, reason)
	return c.conn.WriteMessage(websocket.CloseMessage, body)
}

func main() {
	dialogue.Serve(&client{
		inbox: dialogue.NewInbox(),
		pongs: make(chan string, 1),
	})
}
