// The part that is used of a package that brings no types: its native form, and the slow one beside it.
declare module 'secp256k1/bindings.js' {
  /** 65 bytes where `isCompressed` is false. `signature` is r and s, 64 bytes. Throws for what is no signature. */
  export function ecdsaRecover(
    signature: Uint8Array,
    recoveryId: number,
    digest: Uint8Array,
    isCompressed: boolean,
  ): Uint8Array
  export function ecdsaSign(
    digest: Uint8Array,
    privateKey: Uint8Array,
  ): { readonly signature: Uint8Array; readonly recid: number }
  export function publicKeyCreate(privateKey: Uint8Array, isCompressed: boolean): Uint8Array
}
declare module 'secp256k1/elliptic.js' {
  export * from 'secp256k1/bindings.js'
}
