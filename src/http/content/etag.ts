/** Whether an `If-None-Match` names it (RFC 9110, section 13.1.2): weakly compared, `*` is whatever there is. The tag has its quotes. */
export function isNamed(etag: string, header: string | undefined): boolean {
  if (header === undefined) return false
  return header.split(',').some((each) => {
    const tag = each.trim()
    return tag === '*' || tag.replace(/^W\//, '') === etag
  })
}
