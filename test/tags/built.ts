/** The thread of the command as users run it, which leaves out of music-metadata what is not needed (ADR 8). */
export const builtScript = new URL('../../dist/command/parse-worker.js', import.meta.url)
