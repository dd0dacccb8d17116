// SPDX-License-Identifier: MIT

// Package dialogue is the dialogue of a client with the spec: a JSON command a
// line, an answer each (spec/e2e/support/interop.mjs says what they mean).
package dialogue

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"
)

const patience = 10 * time.Second

// Message is one message that the server sent.
type Message struct {
	IsText bool
	Data   []byte
}

// End is the close frame that the server sent.
type End struct {
	Code   int
	Reason string
}

// Inbox is what a client's reader found.
type Inbox struct {
	Messages chan Message
	Ended    chan End
}

// NewInbox makes room for what the spec has not asked for yet.
func NewInbox() Inbox {
	return Inbox{make(chan Message, 16), make(chan End, 1)}
}

// Client is a connection. A message of several pieces is sent in several frames.
type Client interface {
	Open(url string, subprotocols []string, isPacked bool) (string, error)
	Send(isText bool, pieces ...[]byte) error
	Ping(text string) error
	Close(code int, reason string) error
	Inbox() Inbox
}

type command struct {
	Do           string
	URL          string
	Subprotocols []string
	Compression  bool
	Text         string
	Base64       []byte
	Pieces       []string
	Code         int
	Reason       string
}

type answer map[string]any

func next(client Client, isText bool) (Message, error) {
	select {
	case message := <-client.Inbox().Messages:
		if message.IsText != isText {
			return message, errors.New("text for binary, or the other way round")
		}
		return message, nil
	case end := <-client.Inbox().Ended:
		return Message{}, fmt.Errorf("closed with %d", end.Code)
	case <-time.After(patience):
		return Message{}, errors.New("there is no message")
	}
}

func ended(client Client) (answer, error) {
	select {
	case end := <-client.Inbox().Ended:
		return answer{"code": end.Code, "reason": end.Reason}, nil
	case <-time.After(patience):
		return nil, errors.New("there is no end")
	}
}

// exchange sends a message and gives the one that comes back.
func exchange(client Client, isText bool, pieces ...[]byte) (answer, error) {
	if err := client.Send(isText, pieces...); err != nil {
		return nil, err
	}
	message, err := next(client, isText)
	if err != nil {
		return nil, err
	}
	if isText {
		return answer{"text": string(message.Data)}, nil
	}
	return answer{"base64": message.Data}, nil
}

func run(client Client, words command) (answer, error) {
	switch words.Do {
	case "open":
		chosen, err := client.Open(
			words.URL, words.Subprotocols, words.Compression)
		return answer{"subprotocol": chosen}, err
	case "send":
		return answer{}, client.Send(true, []byte(words.Text))
	case "text":
		return exchange(client, true, []byte(words.Text))
	case "bytes":
		return exchange(client, false, words.Base64)
	case "pieces":
		var pieces [][]byte
		for _, piece := range words.Pieces {
			pieces = append(pieces, []byte(piece))
		}
		return exchange(client, true, pieces...)
	case "ping":
		return answer{}, client.Ping(words.Text)
	case "close":
		if err := client.Close(words.Code, words.Reason); err != nil {
			return nil, err
		}
		return ended(client)
	case "ended":
		return ended(client)
	}
	return nil, fmt.Errorf("unknown: %s", words.Do)
}

// Serve answers commands until there are no more.
func Serve(client Client) {
	lines := bufio.NewReader(os.Stdin)
	replies := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var words command
		var said answer
		if err = json.Unmarshal(line, &words); err == nil {
			said, err = run(client, words)
		}
		if err != nil {
			said = answer{"error": err.Error()}
		}
		if err = replies.Encode(said); err != nil {
			return
		}
	}
}
