# evidenced on one small EC2 instance: an encrypted volume of its own with daily snapshots, no way in but Session Manager, and
# the read-only role that `evidenced permissions aws --as terraform` prints (deploy/aws/role.tf), which it takes in each account.
#
#   terraform init && terraform apply -var vpc_id=... -var subnet_id=... -var binary_url=... -var binary_sha256=... -var config=...

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.40"
    }
  }
}

data "aws_caller_identity" "here" {}

data "aws_partition" "here" {}

data "aws_subnet" "chosen" {
  id = var.subnet_id
}

data "aws_ssm_parameter" "image" {
  name = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"
}

resource "aws_kms_key" "store" {
  description             = "The disk of evidenced"
  enable_key_rotation     = true
  deletion_window_in_days = 30
}

# What the instance itself may do: take the read-only role, answer Session Manager, read its own secrets.
resource "aws_iam_role" "instance" {
  name = "${var.name}-instance"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy" "instance" {
  name = "evidenced"
  role = aws_iam_role.instance.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat([
      { Sid = "TakeTheReadOnlyRole", Effect = "Allow", Action = "sts:AssumeRole", Resource = "arn:${data.aws_partition.here.partition}:iam::*:role/${var.role_name}" },
      { Sid = "ListAccounts", Effect = "Allow", Action = ["organizations:DescribeOrganization", "organizations:ListAccounts"], Resource = "*" },
      ], length(var.secret_arns) == 0 ? [] : [
      { Sid = "OwnSecrets", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = var.secret_arns },
    ])
  })
}

resource "aws_iam_role_policy_attachment" "session_manager" {
  role       = aws_iam_role.instance.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/AmazonSSMManagedInstanceCore"
}

resource "aws_iam_instance_profile" "instance" {
  name = "${var.name}-instance"
  role = aws_iam_role.instance.name
}

# Nothing comes in; out, only DNS and HTTPS.
resource "aws_security_group" "instance" {
  name        = var.name
  description = "evidenced: nothing in, HTTPS and DNS out"
  vpc_id      = var.vpc_id

  egress {
    description = "HTTPS"
    from_port   = 443
    to_port     = 443
    protocol    = "tcp"
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    description = "DNS"
    from_port   = 53
    to_port     = 53
    protocol    = "udp"
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_ebs_volume" "store" {
  availability_zone = data.aws_subnet.chosen.availability_zone
  size              = var.volume_gib
  type              = "gp3"
  encrypted         = true
  kms_key_id        = aws_kms_key.store.arn
  tags              = { Name = "${var.name}-store", Snapshot = var.name }

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_instance" "evidenced" {
  ami                    = data.aws_ssm_parameter.image.value
  instance_type          = var.instance_type
  subnet_id              = var.subnet_id
  vpc_security_group_ids = [aws_security_group.instance.id]
  iam_instance_profile   = aws_iam_instance_profile.instance.name
  user_data              = local.user_data
  tags                   = { Name = var.name }

  # A new configuration or binary is a new machine: the script runs once a machine, and the store is on a volume of its own.
  user_data_replace_on_change = true

  metadata_options {
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    encrypted  = true
    kms_key_id = aws_kms_key.store.arn
  }

  lifecycle {
    ignore_changes = [ami]
  }
}

resource "aws_volume_attachment" "store" {
  device_name = "/dev/sdf"
  volume_id   = aws_ebs_volume.store.id
  instance_id = aws_instance.evidenced.id
}

locals {
  user_data = <<-EOT
    #!/bin/bash
    set -euo pipefail
    curl --fail --silent --show-error --location --output /usr/local/bin/evidenced.new '${var.binary_url}'
    echo '${var.binary_sha256}  /usr/local/bin/evidenced.new' | sha256sum --check
    install -m 0755 /usr/local/bin/evidenced.new /usr/local/bin/evidenced
    until [ -b /dev/sdf ]; do sleep 1; done
    blkid /dev/sdf || mkfs.ext4 /dev/sdf
    mkdir -p /var/lib/evidenced /etc/evidenced
    grep -q /var/lib/evidenced /etc/fstab || echo '/dev/sdf /var/lib/evidenced ext4 defaults,nofail,nodev,nosuid,noexec 0 2' >> /etc/fstab
    mount -a
    echo '${base64encode(var.config)}' | base64 -d > /etc/evidenced/evidenced.yaml
    echo '${filebase64("${path.module}/../../systemd/evidenced.sysusers")}' | base64 -d > /usr/lib/sysusers.d/evidenced.conf
    echo '${filebase64("${path.module}/../../systemd/evidenced.service")}' | base64 -d > /etc/systemd/system/evidenced.service
    echo '${filebase64("${path.module}/../../systemd/evidenced-backup.service")}' | base64 -d > /etc/systemd/system/evidenced-backup.service
    echo '${filebase64("${path.module}/../../systemd/evidenced-backup.timer")}' | base64 -d > /etc/systemd/system/evidenced-backup.timer
    systemd-sysusers
    chown evidenced:evidenced /var/lib/evidenced
    systemctl daemon-reload
    systemctl enable --now evidenced.service evidenced-backup.timer
  EOT
}

# Snapshots of the store's volume, daily, for as long as an audit may ask.
resource "aws_iam_role" "snapshots" {
  name = "${var.name}-snapshots"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "dlm.amazonaws.com" } }]
  })
}

resource "aws_iam_role_policy_attachment" "snapshots" {
  role       = aws_iam_role.snapshots.name
  policy_arn = "arn:${data.aws_partition.here.partition}:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"
}

resource "aws_dlm_lifecycle_policy" "snapshots" {
  description        = "evidenced: daily snapshots of the store"
  execution_role_arn = aws_iam_role.snapshots.arn
  state              = "ENABLED"

  policy_details {
    resource_types = ["VOLUME"]
    target_tags    = { Snapshot = var.name }

    schedule {
      name = "daily"

      create_rule {
        interval      = 24
        interval_unit = "HOURS"
        times         = ["03:30"]
      }

      retain_rule {
        count = var.snapshots_kept
      }
    }
  }
}
