/* Browsers start no Worker from a file, so on disk the search runs in a hidden frame instead.
   The part of a Worker that the search uses, and no more. Zensical takes a script with this name
   in the place of one that it would fetch from the network. */
if (location.protocol === "file:") {
  window.Worker = class {
    #frame = document.createElement("iframe")
    #waiting = []

    constructor(address) {
      const script = new URL(address, location).href
      this.#frame.hidden = true
      this.#frame.srcdoc = "<!doctype html><title>search</title>"
      this.#frame.addEventListener("load", () => this.#start(script), { once: true })
      document.body.append(this.#frame)
    }

    #start(script) {
      const { contentWindow: inside, contentDocument: page } = this.#frame
      inside.postMessage = data =>
        setTimeout(() => this.onmessage?.({ data: structuredClone(data) }))
      const element = page.createElement("script")
      element.src = script
      element.onload = () => {
        const waiting = this.#waiting
        this.#waiting = undefined
        waiting.forEach(data => inside.onmessage({ data }))
      }
      element.onerror = event => this.onerror?.(event)
      page.head.append(element)
    }

    postMessage(data) {
      const copy = structuredClone(data)
      if (this.#waiting) this.#waiting.push(copy)
      else this.#frame.contentWindow?.onmessage({ data: copy })
    }

    terminate() {
      this.#frame.remove()
    }
  }
}
