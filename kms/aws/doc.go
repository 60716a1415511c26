// Package aws wraps the data key of an encrypted store with a key of AWS KMS:
// the key itself never leaves AWS.
//
// It may import the AWS SDK, and no other room; what it makes satisfies
// store.Sealer. What never enters: evidence, files, and any call but Encrypt
// and Decrypt.
//
// What was checked, and against what: Encrypt and Decrypt, the binding to the
// encryption context, unknown, disabled and denied keys against moto, an AWS
// that others wrote; the errors that moto does not give against the documented
// form of their answers. Not against AWS itself.
package aws
