# Puts Fargard's sensor into container definitions by calling `fargard embed terraform` (docs/embed.md).

data "external" "embed" {
  program = concat(
    [var.program, "embed", "terraform", "--sensor-image", var.sensor_image, "--mode", var.mode],
    var.server == "" ? [] : ["--server", var.server],
    var.token_secret == "" ? [] : ["--token-secret", var.token_secret],
    flatten([for source in var.image_sources : ["--image-source", source]]),
    flatten([for file in var.image_configs : ["--image-config", file]]),
    var.lock_file == "" ? [] : ["--lock-file", var.lock_file],
    flatten([for name in var.include : ["--include", name]]),
    flatten([for name in var.exclude : ["--exclude", name]]),
    flatten([for name, value in var.settings : ["--set", "${name}=${value}"]]),
    var.only_labelled ? ["--only-labelled"] : [],
    var.pin ? ["--pin"] : [],
    var.require ? ["--require"] : [],
  )

  query = {
    container_definitions    = var.container_definitions
    cpu                      = var.cpu
    memory                   = var.memory
    network_mode             = var.network_mode
    pid_mode                 = var.pid_mode
    requires_compatibilities = join(",", var.requires_compatibilities)
    cpu_architecture         = var.cpu_architecture
    operating_system_family  = var.operating_system_family
    has_execution_role       = tostring(var.has_execution_role)
  }
}

check "protected" {
  assert {
    condition     = data.external.embed.result.unprotected == ""
    error_message = "Without Fargard's sensor: ${data.external.embed.result.unprotected}"
  }
}
