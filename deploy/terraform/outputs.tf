output "container_definitions" {
  description = "The container definitions with the sensor"
  value       = data.external.embed.result.container_definitions
}

output "pid_mode" {
  description = "The task's pid_mode: \"task\" where the sensor attaches, null where there is none"
  value       = data.external.embed.result.pid_mode == "" ? null : data.external.embed.result.pid_mode
}

output "report" {
  description = "What was done with each container, and why, as JSON"
  value       = jsondecode(data.external.embed.result.report)
}
