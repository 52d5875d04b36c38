variable "container_definitions" {
  description = "Container definitions as JSON, as aws_ecs_task_definition takes them: jsonencode([...])"
  type        = string
}

variable "sensor_image" {
  description = "Image of the sensor, in a registry of your own in the task's region, by digest"
  type        = string
}

variable "cpu" {
  description = "CPU units of the task; with it and memory the sizes are checked"
  type        = string
  default     = ""
}

variable "memory" {
  description = "Memory of the task in MiB"
  type        = string
  default     = ""
}

variable "network_mode" {
  description = "Network mode of the task"
  type        = string
  default     = "awsvpc"
}

variable "pid_mode" {
  description = "Pid mode of the task, where it has one without the sensor"
  type        = string
  default     = ""
}

variable "requires_compatibilities" {
  description = "Where the task runs; others than FARGATE are left alone"
  type        = list(string)
  default     = ["FARGATE"]
}

variable "cpu_architecture" {
  description = "Architecture of the task: X86_64 or ARM64"
  type        = string
  default     = "X86_64"
}

variable "operating_system_family" {
  description = "Operating system of the task; Windows is left alone"
  type        = string
  default     = "LINUX"
}

variable "has_execution_role" {
  description = "Whether the task has an execution role, which a token needs. Its ARN may not be known yet"
  type        = bool
  default     = true
}

variable "mode" {
  description = "How containers are watched where no label says: auto, wrap or attach"
  type        = string
  default     = "auto"
  validation {
    condition     = contains(["auto", "wrap", "attach"], var.mode)
    error_message = "The mode is auto, wrap or attach."
  }
}

variable "server" {
  description = "URL of the server that sensors report to; empty prints detections into the containers' logs"
  type        = string
  default     = ""
}

variable "token_secret" {
  description = "ARN of the secret with the enrolment token; needed with server"
  type        = string
  default     = ""
}

variable "image_sources" {
  description = "Where image configurations are looked for: registry, docker-archive:FILE, oci:DIR, inspect:FILE"
  type        = list(string)
  default     = ["registry"]
}

variable "image_configs" {
  description = "Files with image configurations by image"
  type        = list(string)
  default     = []
}

variable "lock_file" {
  description = "File that remembers what images were found to be, so that plans do not change with registries; empty has none"
  type        = string
  default     = ""
}

variable "include" {
  description = "Only these containers; all where empty"
  type        = list(string)
  default     = []
}

variable "exclude" {
  description = "Not these containers"
  type        = list(string)
  default     = []
}

variable "only_labelled" {
  description = "Only what a label fargard.mode asks for"
  type        = bool
  default     = false
}

variable "pin" {
  description = "Name images of wrapped containers by digest"
  type        = bool
  default     = false
}

variable "settings" {
  description = "Further settings of the sensor, as { FARGARD_FIM = \"on\" }"
  type        = map(string)
  default     = {}
}

variable "require" {
  description = "Fail when a container stays unprotected that should not; false only warns"
  type        = bool
  default     = true
}

variable "program" {
  description = "The fargard program"
  type        = string
  default     = "fargard"
}
