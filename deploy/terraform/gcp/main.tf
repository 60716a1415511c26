# evidenced on one small Compute Engine instance: an encrypted disk of its own with daily snapshots, no address of its own, no way
# in but IAP, and a service account that may read its own secrets and nothing else.
#
# There is no source for Google Cloud yet: this is a place to run, from which GitHub, AWS (by workload identity federation) and the
# others are read.

terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 5.20"
    }
  }
}

resource "google_service_account" "evidenced" {
  project      = var.project
  account_id   = var.name
  display_name = "evidenced collects SOC 2 evidence"
}

resource "google_secret_manager_secret_iam_member" "own" {
  for_each  = toset(var.secret_ids)
  project   = var.project
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = "serviceAccount:${google_service_account.evidenced.email}"
}

resource "google_compute_disk" "store" {
  project = var.project
  zone    = var.zone
  name    = "${var.name}-store"
  type    = "pd-balanced"
  size    = var.disk_gib

  dynamic "disk_encryption_key" {
    for_each = var.kms_key == "" ? [] : [var.kms_key]
    content {
      kms_key_self_link = disk_encryption_key.value
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_compute_resource_policy" "snapshots" {
  project = var.project
  region  = var.region
  name    = "${var.name}-snapshots"

  snapshot_schedule_policy {
    schedule {
      daily_schedule {
        days_in_cycle = 1
        start_time    = "03:00"
      }
    }

    retention_policy {
      max_retention_days    = var.snapshot_days
      on_source_disk_delete = "KEEP_AUTO_SNAPSHOTS"
    }
  }
}

resource "google_compute_disk_resource_policy_attachment" "snapshots" {
  project = var.project
  zone    = var.zone
  disk    = google_compute_disk.store.name
  name    = google_compute_resource_policy.snapshots.name
}

resource "google_compute_instance" "evidenced" {
  project      = var.project
  zone         = var.zone
  name         = var.name
  machine_type = var.machine_type

  boot_disk {
    initialize_params {
      image = "debian-cloud/debian-12"
    }
  }

  attached_disk {
    source      = google_compute_disk.store.self_link
    device_name = "store"
  }

  # No access_config: it has no address that others reach.
  network_interface {
    subnetwork = var.subnetwork
  }

  service_account {
    email  = google_service_account.evidenced.email
    scopes = ["cloud-platform"]
  }

  shielded_instance_config {
    enable_secure_boot          = true
    enable_vtpm                 = true
    enable_integrity_monitoring = true
  }

  metadata = {
    block-project-ssh-keys = "true"
    enable-oslogin         = "TRUE"
  }

  metadata_startup_script = <<-EOT
    #!/bin/bash
    set -euo pipefail
    curl --fail --silent --show-error --location --output /usr/local/bin/evidenced.new '${var.binary_url}'
    echo '${var.binary_sha256}  /usr/local/bin/evidenced.new' | sha256sum --check
    install -m 0755 /usr/local/bin/evidenced.new /usr/local/bin/evidenced
    disk=/dev/disk/by-id/google-store
    blkid $disk || mkfs.ext4 $disk
    mkdir -p /var/lib/evidenced /etc/evidenced
    grep -q /var/lib/evidenced /etc/fstab || echo "$disk /var/lib/evidenced ext4 defaults,nofail,nodev,nosuid,noexec 0 2" >> /etc/fstab
    mount -a
    echo '${base64encode(var.config)}' | base64 -d > /etc/evidenced/evidenced.yaml
    echo '${filebase64("${path.module}/../../systemd/evidenced.sysusers")}' | base64 -d > /usr/lib/sysusers.d/evidenced.conf
    echo '${filebase64("${path.module}/../../systemd/evidenced.service")}' | base64 -d > /etc/systemd/system/evidenced.service
    systemd-sysusers
    chown evidenced:evidenced /var/lib/evidenced
    systemctl daemon-reload
    systemctl enable evidenced.service
    systemctl restart evidenced.service
  EOT
}
