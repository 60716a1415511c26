variable "project" {
  type        = string
  description = "The project that it runs in."
}

variable "region" {
  type        = string
  description = "The region of the zone."
}

variable "zone" {
  type        = string
  description = "The zone of instance and disk."
}

variable "subnetwork" {
  type        = string
  description = "A subnetwork with Cloud NAT, for the way out."
}

variable "name" {
  type        = string
  default     = "evidenced"
  description = "Name of everything that is made."
}

variable "machine_type" {
  type        = string
  default     = "e2-micro"
  description = "A micro is enough but for very large organisations."
}

variable "disk_gib" {
  type        = number
  default     = 20
  description = "Size of the store's disk, in GiB."
}

variable "snapshot_days" {
  type        = number
  default     = 35
  description = "How long daily snapshots are kept, in days."
}

variable "kms_key" {
  type        = string
  default     = ""
  description = "Resource name of a key of Cloud KMS for the disk; Google's own key if empty."
}

variable "binary_url" {
  type        = string
  description = "Where the released program for linux/amd64 is."
}

variable "binary_sha256" {
  type        = string
  description = "Its checksum, from SHA256SUMS of the release."

  validation {
    condition     = can(regex("^[0-9a-f]{64}$", var.binary_sha256))
    error_message = "want 64 hexadecimal digits"
  }
}

variable "config" {
  type        = string
  description = "The text of evidenced.yaml, with the store in /var/lib/evidenced and no secret in it."
}

variable "secret_ids" {
  type        = list(string)
  default     = []
  description = "Secrets that evidenced.yaml names with gcp-secret."
}
