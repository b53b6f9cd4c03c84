import { get, type IncomingMessage } from 'node:http'

/** Reads server-sent events as a browser would, one at a time, and may stop reading. */
export class EventClient {
  readonly answer: IncomingMessage
  #text = ''
  #isOver = false
  #wake: () => void = () => undefined

  private constructor(answer: IncomingMessage) {
    this.answer = answer
    answer.setEncoding('utf8')
    answer.on('data', (text: string) => {
      this.#text += text
      this.#wake()
    })
    answer.on('close', () => {
      this.#isOver = true
      this.#wake()
    })
    answer.on('error', () => undefined)
  }

  static open(url: URL): Promise<EventClient> {
    return new Promise((resolve, reject) => {
      get(url, { agent: false }, (answer) => resolve(new EventClient(answer))).on('error', reject)
    })
  }

  /** The next block up to its empty line; null when the stream is over. */
  async block(): Promise<string | null> {
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end !== -1) {
        const block = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return block
      }
      if (this.#isOver) return null
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** The data of the next `status` event. */
  async status(): Promise<StatusEvent> {
    for (;;) {
      const block = await this.block()
      if (block === null) throw new Error('the stream is over')
      const data = /^event: status\ndata: (.*)$/.exec(block)?.[1]
      if (data !== undefined) return JSON.parse(data) as StatusEvent
    }
  }

  leave(): void {
    this.answer.destroy()
  }
}

export interface StatusEvent {
  readonly users: readonly {
    readonly name: string
    readonly sources: readonly {
      readonly name: string
      readonly state: string
      readonly address: string
    }[]
  }[]
}
