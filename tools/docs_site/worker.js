// Search runs in a Worker, and browsers refuse Workers to pages that are opened from files. There, a hidden frame does
// the work: it runs the same script and passes the same messages.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.appendChild(frame);
      const inside = frame.contentWindow;
      const told = (name, detail) => {
        const event = Object.assign(new Event(name), detail);
        this.dispatchEvent(event);
        if (typeof this[`on${name}`] === "function") this[`on${name}`](event);
      };
      const load = (address) =>
        new Promise((done, failed) => {
          const script = inside.document.createElement("script");
          script.src = address;
          script.onload = done;
          script.onerror = () => failed(new Error(`cannot load ${address}`));
          inside.document.body.appendChild(script);
        });
      inside.postMessage = (data) => setTimeout(() => told("message", { data }));
      inside.importScripts = (...addresses) =>
        addresses.reduce(
          (before, address) => before.then(() => load(new URL(address, url).href)),
          Promise.resolve(),
        );
      this.deliver = (data) => {
        const event = Object.assign(new inside.Event("message"), { data });
        inside.dispatchEvent(event);
        if (typeof inside.onmessage === "function") inside.onmessage(event);
      };
      this.frame = frame;
      load(new URL(url, location).href).then(
        () => {
          this.ready = true;
          this.waiting.splice(0).forEach(this.deliver);
        },
        (error) => told("error", { error }),
      );
    }

    postMessage(data) {
      if (this.ready) this.deliver(data);
      else this.waiting.push(data);
    }

    terminate() {
      this.frame.remove();
    }
  };
}
