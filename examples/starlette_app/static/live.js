// The guard closes this socket when the session ends: each open tab then shows the form.

let leaving = false; // a button of this page leads to the form by itself
addEventListener("beforeunload", () => { leaving = true; });

// It also ends with its access token; the next handshake brings a refreshed one.
function connect() {
  const socket = new WebSocket(new URL("/live", location.origin.replace(/^http/, "ws")));
  socket.addEventListener("open", () => { document.body.dataset.live = ""; });
  socket.addEventListener("close", ({ reason }) => {
    delete document.body.dataset.live;
    if (leaving) return;
    if (reason === "revoked") location.assign("/");
    if (reason === "expired") connect();
  });
}
connect();
