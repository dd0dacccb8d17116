// SPDX-License-Identifier: MIT
// A client over the WebSocket class that browsers and undici have. It refers to
// nothing outside of itself, so that it can be carried into a page as text, and
// takes and gives bytes as base64.

export function openStandardSocket(WebSocket, url, subprotocols) {
  const socket = new WebSocket(url, subprotocols);
  socket.binaryType = "arraybuffer";
  const inbox = [];
  let wake = () => {};
  const next = async () => {
    while (inbox.length === 0) await new Promise((go) => (wake = go));
    return inbox.shift();
  };
  const ended = new Promise((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => {
      resolve({ code, reason });
    });
  });
  socket.addEventListener("message", ({ data }) => {
    inbox.push(data);
    wake();
  });
  const encode = (data) => {
    let text = "";
    for (const byte of new Uint8Array(data)) text += String.fromCharCode(byte);
    return btoa(text);
  };
  const decode = (base64) =>
    Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));

  const client = {
    subprotocol: () => socket.protocol,
    send: (text) => socket.send(text),
    text: async (text) => {
      socket.send(text);
      const data = await next();
      if (typeof data !== "string") throw new Error("this is no text");
      return data;
    },
    base64: async (base64) => {
      socket.send(decode(base64));
      const data = await next();
      if (typeof data === "string") throw new Error("this is a text");
      return encode(data);
    },
    close: (code, reason) => {
      socket.close(code, reason);
      return ended;
    },
    ended: () => ended,
  };
  return new Promise((resolve, reject) => {
    socket.addEventListener("open", () => resolve(client));
    ended.then(({ code }) => reject(new Error(`not open: ${code}`)));
  });
}
