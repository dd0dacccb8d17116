// SPDX-License-Identifier: MIT

// Command coder is the client of github.com/coder/websocket.
package main

import (
	"context"
	"errors"
	"time"

	"github.com/coder/websocket"

	"wspulse/conformance/dialogue"
)

const patience = 10 * time.Second

type client struct {
	conn  *websocket.Conn
	inbox dialogue.Inbox
}

func (c *client) Inbox() dialogue.Inbox { return c.inbox }

func (c *client) Open(
	url string, subprotocols []string, isPacked bool,
) (string, error) {
	options := websocket.DialOptions{
		Subprotocols:    subprotocols,
		CompressionMode: websocket.CompressionDisabled,
	}
	if isPacked {
		options.CompressionMode = websocket.CompressionContextTakeover
	}
	conn, _, err := websocket.Dial(context.Background(), url, &options)
	if err != nil {
		return "", err
	}
	c.conn = conn
	conn.SetReadLimit(-1)
	go c.read()
	return conn.Subprotocol(), nil
}

func (c *client) read() {
	for {
		kind, data, err := c.conn.Read(context.Background())
		var closed websocket.CloseError
		if errors.As(err, &closed) {
			c.inbox.Ended <- dialogue.End{
				Code: int(closed.Code), Reason: closed.Reason,
			}
		}
		if err != nil {
			return
		}
		isText := kind == websocket.MessageText
		c.inbox.Messages <- dialogue.Message{IsText: isText, Data: data}
	}
}

// Send writes a frame for each piece when there are several.
func (c *client) Send(isText bool, pieces ...[]byte) error {
	kind := websocket.MessageBinary
	if isText {
		kind = websocket.MessageText
	}
	if len(pieces) == 1 {
		return c.conn.Write(context.Background(), kind, pieces[0])
	}
	writer, err := c.conn.Writer(context.Background(), kind)
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

// Ping sends a body of its own, whatever the text.
func (c *client) Ping(string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return c.conn.Ping(ctx)
}

func (c *client) Close(code int, reason string) error {
	return c.conn.Close(websocket.StatusCode(code), reason)
}

func main() {
	dialogue.Serve(&client{inbox: dialogue.NewInbox()})
}
