/** Figures of the whole process, ready to be read by Prometheus. */
export interface Metrics {
  /** The media type of the text, with its version. */
  readonly contentType: string
  text(): Promise<string>
}
