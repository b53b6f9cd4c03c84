/** One step of the tables, for both dialects side by side. What has been released is never changed. */
export interface Migration {
  readonly sqlite: string
  readonly postgres: string
}
