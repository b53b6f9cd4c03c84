/**
 * A WebDAV drive that is nowhere: as many files as one likes, made up when they are asked for. Every file is an MP3 with
 * an ID3v2.3 tag and an Info frame in front; the frames after it are silence that nobody has to store.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export interface DriveOptions {
  readonly files: number
}

const filesAnAlbum = 20
const albumsAnArtist = 10
const fileBytes = 3_000_000
/** MPEG 1 layer III, 128 kbit/s, 44.1 kHz, joint stereo; a frame that goes on with nothing but zeros is silence. */
const frameHeader = Buffer.from([0xff, 0xfb, 0x90, 0x64])
const frameBytes = 417
const modified = 'Mon, 06 Jan 2025 10:00:00 GMT'

export interface Drive {
  readonly port: number
  readonly counters: () => { readonly requests: number }
}

export async function openDrive({ files }: DriveOptions): Promise<Drive> {
  const counters = { requests: 0 }
  const server = createServer((request, response) => {
    counters.requests += 1
    request.resume()
    answer(files, request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('The drive has no port.')
  return { port: address.port, counters: () => ({ ...counters }) }
}

function answer(files: number, request: IncomingMessage, response: ServerResponse): void {
  const place = placeOf(decodeURIComponent(request.url ?? '/'), files)
  if (place === null) return void response.writeHead(404).end()
  if (request.method === 'OPTIONS')
    return void response.writeHead(200, { DAV: '1', Allow: 'OPTIONS, PROPFIND, GET, HEAD' }).end()
  if (request.method === 'PROPFIND') return list(place, request, response)
  if (place.kind !== 'file' || (request.method !== 'GET' && request.method !== 'HEAD'))
    return void response.writeHead(405).end()
  return read(place, request, response)
}

/** A folder knows which files lie below it, as [from, to) of all. */
type Place =
  | {
      readonly kind: 'folder'
      readonly path: string
      readonly from: number
      readonly to: number
      readonly depth: 0 | 1 | 2
    }
  | { readonly kind: 'file'; readonly path: string; readonly file: number }

const filesAnArtist = filesAnAlbum * albumsAnArtist

function placeOf(path: string, files: number): Place | null {
  const parts = /^\/(?:Artist (\d+)\/?)?(?:Album (\d+)\/?)?(?:Track (\d+)\.mp3)?$/u.exec(path)
  if (parts === null) return null
  const [artist, album, track] = parts
    .slice(1)
    .map((part) => (part === undefined ? null : Number(part)))
  const within = (from: number, count: number): readonly [number, number] => [
    from,
    Math.min(files, from + count),
  ]
  if (artist === null || artist === undefined)
    return { kind: 'folder', path: '/', from: 0, to: files, depth: 0 }
  if (artist * filesAnArtist >= files) return null
  if (album === null || album === undefined) {
    const [from, to] = within(artist * filesAnArtist, filesAnArtist)
    return { kind: 'folder', path: `/Artist ${artist}/`, from, to, depth: 1 }
  }
  const [from, to] = within(artist * filesAnArtist + album * filesAnAlbum, filesAnAlbum)
  if (from >= to || album >= albumsAnArtist) return null
  if (track === null || track === undefined)
    return { kind: 'folder', path: `/Artist ${artist}/Album ${album}/`, from, to, depth: 2 }
  return from + track < to && track < filesAnAlbum
    ? { kind: 'file', path, file: from + track }
    : null
}

function childrenOf(folder: Extract<Place, { kind: 'folder' }>): readonly Place[] {
  const { from, to, depth, path } = folder
  const step = depth === 0 ? filesAnArtist : depth === 1 ? filesAnAlbum : 1
  return Array.from({ length: Math.ceil((to - from) / step) }, (_, index): Place => {
    const start = from + index * step
    if (depth === 2) return { kind: 'file', path: `${path}Track ${index}.mp3`, file: start }
    const name = depth === 0 ? `Artist ${index}/` : `Album ${index}/`
    return {
      kind: 'folder',
      path: path + name,
      from: start,
      to: Math.min(to, start + step),
      depth: depth === 0 ? 1 : 2,
    }
  })
}

function list(place: Place, request: IncomingMessage, response: ServerResponse): void {
  const depth = request.headers['depth']
  if (depth !== '0' && depth !== '1') return void response.writeHead(403).end()
  const shown = place.kind === 'folder' && depth === '1' ? [place, ...childrenOf(place)] : [place]
  const body = `<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:">${shown.map(entry).join('')}</D:multistatus>`
  response
    .writeHead(207, {
      'Content-Type': 'application/xml; charset=utf-8',
      'Content-Length': Buffer.byteLength(body),
    })
    .end(body)
}

const entry = (place: Place): string => {
  const properties =
    place.kind === 'folder'
      ? '<D:resourcetype><D:collection/></D:resourcetype>'
      : `<D:resourcetype/><D:getcontentlength>${fileBytes}</D:getcontentlength><D:getetag>"${place.file}-1"</D:getetag><D:getcontenttype>audio/mpeg</D:getcontenttype>`
  return `<D:response><D:href>${encodeURI(place.path)}</D:href><D:propstat><D:prop>${properties}<D:getlastmodified>${modified}</D:getlastmodified></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>`
}

function read(
  place: Extract<Place, { kind: 'file' }>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const headers = {
    'Content-Type': 'audio/mpeg',
    'Accept-Ranges': 'bytes',
    'Last-Modified': modified,
    ETag: `"${place.file}-1"`,
  }
  const range = /^bytes=(\d*)-(\d*)$/u.exec(request.headers.range ?? '')
  const [start, end] = range === null ? [0, fileBytes] : bounds(range[1] ?? '', range[2] ?? '')
  if (start >= end)
    return void response.writeHead(416, { 'Content-Range': `bytes */${fileBytes}` }).end()
  const status = range === null ? 200 : 206
  const partial =
    range === null ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${fileBytes}` }
  response.writeHead(status, { ...headers, ...partial, 'Content-Length': end - start })
  response.end(request.method === 'HEAD' ? undefined : bytesOf(place.file, start, end))
}

/** [from, to) of a Range header's two numbers (RFC 9110, section 14.1.2). */
function bounds(first: string, last: string): readonly [number, number] {
  if (first === '') return [Math.max(0, fileBytes - Number(last)), fileBytes]
  return [Number(first), last === '' ? fileBytes : Math.min(fileBytes, Number(last) + 1)]
}

function bytesOf(file: number, start: number, end: number): Buffer {
  const bytes = Buffer.alloc(end - start)
  const head = headOf(file)
  if (start < head.length) head.copy(bytes, 0, start, Math.min(end, head.length))
  // The first frame of which at least the header's last byte is asked for.
  const first = Math.ceil((start - head.length - frameHeader.length + 1) / frameBytes)
  for (let at = head.length + Math.max(0, first) * frameBytes; at < end; at += frameBytes) {
    frameHeader.copy(bytes, Math.max(0, at - start), Math.max(0, start - at))
  }
  return bytes
}

/** Tag and Info frame: what a reader needs to know everything about the file. */
function headOf(file: number): Buffer {
  const artist = Math.floor(file / filesAnArtist)
  const album = Math.floor(file / filesAnAlbum)
  const frames = Buffer.concat([
    textFrame('TIT2', `Song number ${file}`),
    textFrame('TPE1', `Artist ${artist}`),
    textFrame('TPE2', `Artist ${artist}`),
    textFrame('TALB', `Album ${album}`),
    textFrame('TRCK', String((file % filesAnAlbum) + 1)),
    textFrame('TYER', String(1960 + (album % 60))),
    textFrame('TCON', ['Rock', 'Jazz', 'Folk'][album % 3] ?? 'Rock'),
  ])
  const size = Buffer.from([21, 14, 7, 0].map((shift) => (frames.length >> shift) & 0x7f))
  return Buffer.concat([Buffer.from('ID3\u0003\0\0', 'latin1'), size, frames, infoFrame])
}

function textFrame(id: string, text: string): Buffer {
  const header = Buffer.alloc(11)
  header.write(id, 'latin1')
  header.writeUInt32BE(text.length + 1, 4)
  return Buffer.concat([header, Buffer.from(text, 'latin1')])
}

/** Says how many frames and bytes there are, so that the length is known at once. */
const infoFrame = ((): Buffer => {
  const frame = Buffer.alloc(frameBytes)
  frameHeader.copy(frame)
  frame.write('Info', 36, 'latin1')
  frame.writeUInt32BE(3, 40)
  frame.writeUInt32BE(Math.floor(fileBytes / frameBytes), 44)
  frame.writeUInt32BE(fileBytes, 48)
  return frame
})()
