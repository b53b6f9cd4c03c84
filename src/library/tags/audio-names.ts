/** Whether a name is one of audio that is understood, by its extension. */
export function isAudio(name: string): boolean {
  return audioExtensions.has(extensionOf(name))
}

/** Whether a name is one of a picture that shows what is in its folder. */
export function isCoverImage(name: string): boolean {
  return /^(?:folder|cover|front|album(?:art)?)\.(?:jpe?g|png|webp)$/i.test(name)
}

/** What follows the last dot, in lower case; empty when there is none, or nothing before it. */
export function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.')
  return dot <= 0 ? '' : name.slice(dot + 1).toLowerCase()
}

const audioExtensions = new Set(
  'mp3 mp2 aac m4a m4b m4r flac ogg oga opus spx wav wave aif aiff aifc wma wv ape mpc mka weba dsf dff'.split(
    ' ',
  ),
)
