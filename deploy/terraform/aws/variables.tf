variable "name" {
  type        = string
  default     = "evidenced"
  description = "Name of everything that is made."
}

variable "role_name" {
  type        = string
  default     = "EvidencedReadOnly"
  description = "The read-only role in each account, as in role_name of evidenced.yaml; deploy/aws/role.tf makes it."
}

variable "vpc_id" {
  type        = string
  description = "The VPC."
}

variable "subnet_id" {
  type        = string
  description = "A private subnet with a way out by HTTPS."
}

variable "instance_type" {
  type        = string
  default     = "t4g.micro"
  description = "An arm64 instance type; a micro is enough but for very large organisations."
}

variable "volume_gib" {
  type        = number
  default     = 20
  description = "Size of the store's volume, in GiB."
}

variable "snapshots_kept" {
  type        = number
  default     = 35
  description = "How many daily snapshots are kept."
}

variable "binary_url" {
  type        = string
  description = "Where the released program for linux/arm64 is."
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

variable "secret_arns" {
  type        = list(string)
  default     = []
  description = "Secrets that evidenced.yaml names with aws-secret."
}

output "instance_role_arn" {
  value       = aws_iam_role.instance.arn
  description = "trusted_principal of deploy/aws/role.tf"
}
