#compdef box

_box() {
  local verb=$words[2]
  if (( CURRENT == 2 )); then
    local -a verbs=(
      'run:Make a container from an image and run a command in it'
      'create:Make a container without starting it'
      'start:Start containers that do not run'
      'stop:Stop containers\: their stop signal, then the kill'
      'kill:Send a signal to running containers'
      'wait:Wait until containers have ended and print their exit codes'
      'attach:Connect this terminal to a running container'
      'logs:Print what a container has written'
      'ps:List containers'
      'port:List the published ports of a container'
      'rm:Remove containers'
      'inspect:Show all about containers, images, volumes or networks as JSON'
      'pull:Fetch an image from a registry'
      'images:List images'
      'rmi:Remove images'
      'tag:Give an image another name'
      'import:Make an image from an archive of a file system'
      'version:Print the version of box'
      'info:Show what box has and what the machine offers'
      'container:Commands of containers'
      'image:Commands of images'
      'system:Commands of systems'
      'network:Commands of networks'
    )
    _describe command verbs
    return
  fi
  case $verb in
  container)
    if (( CURRENT == 3 )); then
      compadd run create start stop kill wait attach logs ls list ps port rm remove inspect prune update
      return
    fi
    verb="$verb $words[3]" ;;
  image)
    if (( CURRENT == 3 )); then
      compadd pull ls list rm remove tag import inspect prune
      return
    fi
    verb="$verb $words[3]" ;;
  system)
    if (( CURRENT == 3 )); then
      compadd info df check prune
      return
    fi
    verb="$verb $words[3]" ;;
  network)
    if (( CURRENT == 3 )); then
      compadd create ls list inspect rm remove prune connect disconnect reload
      return
    fi
    verb="$verb $words[3]" ;;
  esac
  case $verb in
  'run'|'container run')
    _arguments -S \
      '*--name[Name of the container]:name:' \
      '*--cidfile[Write the container'\''s id to this file, which must not exist]:cidfile:' \
      '*-l[Label, KEY=VALUE]:label:' \
      '*--label[Label, KEY=VALUE]:label:' \
      '*--label-file[File with one label a line]:label-file:' \
      '*--annotation[OCI annotation, KEY=VALUE]:annotation:' \
      '*--platform[Platform of the image, os/arch\[/variant\]]:platform:' \
      '*--pull[When to pull the image\: always, missing or never]:pull:' \
      '*-q[Show no progress of the pull]' \
      '*--quiet[Show no progress of the pull]' \
      '*--disable-content-trust[Accepted for Docker'\''s sake; there is no content trust to skip]' \
      '*-i[Keep standard input open]' \
      '*--interactive[Keep standard input open]' \
      '*-t[Give the container a terminal]' \
      '*--tty[Give the container a terminal]' \
      '*-e[Variable NAME=VALUE, or NAME to copy it from here]:env:' \
      '*--env[Variable NAME=VALUE, or NAME to copy it from here]:env:' \
      '*--env-file[File with one variable a line]:env-file:' \
      '*-w[Working directory inside, made where missing]:workdir:' \
      '*--workdir[Working directory inside, made where missing]:workdir:' \
      '*-u[User or uid, optionally with \:group]:user:' \
      '*--user[User or uid, optionally with \:group]:user:' \
      '*--group-add[Additional group by name or gid]:group-add:' \
      '*--entrypoint[Program to run instead of the image'\''s entry point; empty clears it]:entrypoint:' \
      '*--init[Run an init inside that forwards signals and reaps processes]' \
      '*--stop-signal[Signal that stops the container]:stop-signal:' \
      '*--stop-timeout[Seconds to wait after the stop signal before the kill; -1 waits for ever]:stop-timeout:' \
      '*--rm[Remove the container and its anonymous volumes when it ends]' \
      '*--detach-keys[Keys that detach, e.g. ctrl-p,ctrl-q]:detach-keys:' \
      '*-v[Bind a folder or volume\: \[SOURCE\:\]TARGET\[\:OPTIONS\]]:volume:' \
      '*--volume[Bind a folder or volume\: \[SOURCE\:\]TARGET\[\:OPTIONS\]]:volume:' \
      '*--mount[Mount\: type=bind|volume|tmpfs,source=…,target=…\[,readonly\]…]:mount:' \
      '*--tmpfs[Temporary file system\: TARGET\[\:OPTIONS\]]:tmpfs:' \
      '*--read-only[Make the root file system read-only]' \
      '*--shm-size[Size of /dev/shm, e.g. 64m]:shm-size:' \
      '*--device[Device of the host\: PATH\[\:TARGET\[\:rwm\]\]]:device:' \
      '*--net[Network\: a name, none, host, container\:NAME (default\: bridge, or BOX_NETWORK), or name=NAME,alias=…,ip=…,ip6=…,mac-address=…,gw-priority=…]:network:' \
      '*--network[Network\: a name, none, host, container\:NAME (default\: bridge, or BOX_NETWORK), or name=NAME,alias=…,ip=…,ip6=…,mac-address=…,gw-priority=…]:network:' \
      '*--net-alias[Another name on the network]:network-alias:' \
      '*--network-alias[Another name on the network]:network-alias:' \
      '*--ip[IPv4 address on the network]:ip:' \
      '*--ip6[IPv6 address on the network]:ip6:' \
      '*--link-local-ip[Link-local address]:link-local-ip:' \
      '*--mac-address[Hardware address of the interface]:mac-address:' \
      '*-p[Publish a port\: \[\[ADDRESS\:\]HOSTPORT\:\]PORT\[/tcp|udp|sctp\], ranges too]:publish:' \
      '*--publish[Publish a port\: \[\[ADDRESS\:\]HOSTPORT\:\]PORT\[/tcp|udp|sctp\], ranges too]:publish:' \
      '*-P[Publish every exposed port on a free one of the host]' \
      '*--publish-all[Publish every exposed port on a free one of the host]' \
      '*-h[Host name of the container]:hostname:' \
      '*--hostname[Host name of the container]:hostname:' \
      '*--domainname[NIS domain name of the container]:domainname:' \
      '*--add-host[Line for /etc/hosts, NAME\:ADDRESS]:add-host:' \
      '*--dns[Name server]:dns:' \
      '*--dns-search[Search domain; . clears]:dns-search:' \
      '*--dns-opt[Resolver option]:dns-option:' \
      '*--dns-option[Resolver option]:dns-option:' \
      '*--expose[Port or range that the container listens on, without publishing it]:expose:' \
      '*--pid[Processes\: host or container\:NAME]:pid:' \
      '*--ipc[Shared memory\: private, shareable, host, none or container\:NAME]:ipc:' \
      '*--uts[Host name namespace\: host]:uts:' \
      '*--cgroupns[Control groups\: private or host]:cgroupns:' \
      '*--userns[User namespace\: host, or auto for one with ids of its own]:userns:' \
      '*--privileged[All capabilities and devices, no filters]' \
      '*--cap-add[Add a capability, or ALL]:cap-add:' \
      '*--cap-drop[Drop a capability, or ALL]:cap-drop:' \
      '*--security-opt[no-new-privileges, seccomp=FILE|unconfined, systempaths=unconfined]:security-opt:' \
      '*--sysctl[Kernel parameter of a namespace, KEY=VALUE]:sysctl:' \
      '*--ulimit[Resource limit, NAME=SOFT\[\:HARD\]]:ulimit:' \
      '*-m[Most memory, e.g. 512m]:memory:' \
      '*--memory[Most memory, e.g. 512m]:memory:' \
      '*--memory-swap[Most memory and swap together; -1 is unlimited]:memory-swap:' \
      '*--memory-reservation[Memory to leave the container under pressure]:memory-reservation:' \
      '*--cpus[Processors, e.g. 1.5]:cpus:' \
      '*-c[Share of processor time, 2 to 262144; 1024 is normal]:cpu-shares:' \
      '*--cpu-shares[Share of processor time, 2 to 262144; 1024 is normal]:cpu-shares:' \
      '*--cpu-period[Period of the processor quota in microseconds]:cpu-period:' \
      '*--cpu-quota[Processor quota in microseconds per period]:cpu-quota:' \
      '*--cpuset-cpus[Processors that may be used, e.g. 0-2,4]:cpuset-cpus:' \
      '*--cpuset-mems[Memory nodes that may be used]:cpuset-mems:' \
      '*--pids-limit[Most processes; -1 is unlimited]:pids-limit:' \
      '*--oom-score-adj[Preference of the out-of-memory killer, -1000 to 1000]:oom-score-adj:' \
      '*-d[Run in the background and print the container'\''s id]' \
      '*--detach[Run in the background and print the container'\''s id]' \
      '*-a[Stream to connect\: stdin, stdout or stderr]:attach:' \
      '*--attach[Stream to connect\: stdin, stdout or stderr]:attach:' \
      '*--sig-proxy[Pass signals on to the program]' \
      '*--no-sig-proxy[Pass signals on to the program]' \
      '*--help[Show help information.]' \
      "*:image:($(box images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null))" ;;
  'create'|'container create')
    _arguments -S \
      '*--name[Name of the container]:name:' \
      '*--cidfile[Write the container'\''s id to this file, which must not exist]:cidfile:' \
      '*-l[Label, KEY=VALUE]:label:' \
      '*--label[Label, KEY=VALUE]:label:' \
      '*--label-file[File with one label a line]:label-file:' \
      '*--annotation[OCI annotation, KEY=VALUE]:annotation:' \
      '*--platform[Platform of the image, os/arch\[/variant\]]:platform:' \
      '*--pull[When to pull the image\: always, missing or never]:pull:' \
      '*-q[Show no progress of the pull]' \
      '*--quiet[Show no progress of the pull]' \
      '*--disable-content-trust[Accepted for Docker'\''s sake; there is no content trust to skip]' \
      '*-i[Keep standard input open]' \
      '*--interactive[Keep standard input open]' \
      '*-t[Give the container a terminal]' \
      '*--tty[Give the container a terminal]' \
      '*-e[Variable NAME=VALUE, or NAME to copy it from here]:env:' \
      '*--env[Variable NAME=VALUE, or NAME to copy it from here]:env:' \
      '*--env-file[File with one variable a line]:env-file:' \
      '*-w[Working directory inside, made where missing]:workdir:' \
      '*--workdir[Working directory inside, made where missing]:workdir:' \
      '*-u[User or uid, optionally with \:group]:user:' \
      '*--user[User or uid, optionally with \:group]:user:' \
      '*--group-add[Additional group by name or gid]:group-add:' \
      '*--entrypoint[Program to run instead of the image'\''s entry point; empty clears it]:entrypoint:' \
      '*--init[Run an init inside that forwards signals and reaps processes]' \
      '*--stop-signal[Signal that stops the container]:stop-signal:' \
      '*--stop-timeout[Seconds to wait after the stop signal before the kill; -1 waits for ever]:stop-timeout:' \
      '*--rm[Remove the container and its anonymous volumes when it ends]' \
      '*--detach-keys[Keys that detach, e.g. ctrl-p,ctrl-q]:detach-keys:' \
      '*-v[Bind a folder or volume\: \[SOURCE\:\]TARGET\[\:OPTIONS\]]:volume:' \
      '*--volume[Bind a folder or volume\: \[SOURCE\:\]TARGET\[\:OPTIONS\]]:volume:' \
      '*--mount[Mount\: type=bind|volume|tmpfs,source=…,target=…\[,readonly\]…]:mount:' \
      '*--tmpfs[Temporary file system\: TARGET\[\:OPTIONS\]]:tmpfs:' \
      '*--read-only[Make the root file system read-only]' \
      '*--shm-size[Size of /dev/shm, e.g. 64m]:shm-size:' \
      '*--device[Device of the host\: PATH\[\:TARGET\[\:rwm\]\]]:device:' \
      '*--net[Network\: a name, none, host, container\:NAME (default\: bridge, or BOX_NETWORK), or name=NAME,alias=…,ip=…,ip6=…,mac-address=…,gw-priority=…]:network:' \
      '*--network[Network\: a name, none, host, container\:NAME (default\: bridge, or BOX_NETWORK), or name=NAME,alias=…,ip=…,ip6=…,mac-address=…,gw-priority=…]:network:' \
      '*--net-alias[Another name on the network]:network-alias:' \
      '*--network-alias[Another name on the network]:network-alias:' \
      '*--ip[IPv4 address on the network]:ip:' \
      '*--ip6[IPv6 address on the network]:ip6:' \
      '*--link-local-ip[Link-local address]:link-local-ip:' \
      '*--mac-address[Hardware address of the interface]:mac-address:' \
      '*-p[Publish a port\: \[\[ADDRESS\:\]HOSTPORT\:\]PORT\[/tcp|udp|sctp\], ranges too]:publish:' \
      '*--publish[Publish a port\: \[\[ADDRESS\:\]HOSTPORT\:\]PORT\[/tcp|udp|sctp\], ranges too]:publish:' \
      '*-P[Publish every exposed port on a free one of the host]' \
      '*--publish-all[Publish every exposed port on a free one of the host]' \
      '*-h[Host name of the container]:hostname:' \
      '*--hostname[Host name of the container]:hostname:' \
      '*--domainname[NIS domain name of the container]:domainname:' \
      '*--add-host[Line for /etc/hosts, NAME\:ADDRESS]:add-host:' \
      '*--dns[Name server]:dns:' \
      '*--dns-search[Search domain; . clears]:dns-search:' \
      '*--dns-opt[Resolver option]:dns-option:' \
      '*--dns-option[Resolver option]:dns-option:' \
      '*--expose[Port or range that the container listens on, without publishing it]:expose:' \
      '*--pid[Processes\: host or container\:NAME]:pid:' \
      '*--ipc[Shared memory\: private, shareable, host, none or container\:NAME]:ipc:' \
      '*--uts[Host name namespace\: host]:uts:' \
      '*--cgroupns[Control groups\: private or host]:cgroupns:' \
      '*--userns[User namespace\: host, or auto for one with ids of its own]:userns:' \
      '*--privileged[All capabilities and devices, no filters]' \
      '*--cap-add[Add a capability, or ALL]:cap-add:' \
      '*--cap-drop[Drop a capability, or ALL]:cap-drop:' \
      '*--security-opt[no-new-privileges, seccomp=FILE|unconfined, systempaths=unconfined]:security-opt:' \
      '*--sysctl[Kernel parameter of a namespace, KEY=VALUE]:sysctl:' \
      '*--ulimit[Resource limit, NAME=SOFT\[\:HARD\]]:ulimit:' \
      '*-m[Most memory, e.g. 512m]:memory:' \
      '*--memory[Most memory, e.g. 512m]:memory:' \
      '*--memory-swap[Most memory and swap together; -1 is unlimited]:memory-swap:' \
      '*--memory-reservation[Memory to leave the container under pressure]:memory-reservation:' \
      '*--cpus[Processors, e.g. 1.5]:cpus:' \
      '*-c[Share of processor time, 2 to 262144; 1024 is normal]:cpu-shares:' \
      '*--cpu-shares[Share of processor time, 2 to 262144; 1024 is normal]:cpu-shares:' \
      '*--cpu-period[Period of the processor quota in microseconds]:cpu-period:' \
      '*--cpu-quota[Processor quota in microseconds per period]:cpu-quota:' \
      '*--cpuset-cpus[Processors that may be used, e.g. 0-2,4]:cpuset-cpus:' \
      '*--cpuset-mems[Memory nodes that may be used]:cpuset-mems:' \
      '*--pids-limit[Most processes; -1 is unlimited]:pids-limit:' \
      '*--oom-score-adj[Preference of the out-of-memory killer, -1000 to 1000]:oom-score-adj:' \
      '*--help[Show help information.]' \
      "*:image:($(box images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null))" ;;
  'start'|'container start')
    _arguments -S \
      '*-a[Connect standard output and error, and pass signals on]' \
      '*--attach[Connect standard output and error, and pass signals on]' \
      '*-i[Connect standard input]' \
      '*--interactive[Connect standard input]' \
      '*--detach-keys[Keys that detach, e.g. ctrl-p,ctrl-q]:detach-keys:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:container:($(box ps -a --format '{{.Names}}' 2>/dev/null))" ;;
  'stop'|'container stop')
    _arguments -S \
      '*-s[Signal to send first]:signal:' \
      '*--signal[Signal to send first]:signal:' \
      '*-t[Seconds before the kill; -1 waits for ever]:timeout:' \
      '*--time[Seconds before the kill; -1 waits for ever]:timeout:' \
      '*--timeout[Seconds before the kill; -1 waits for ever]:timeout:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:container:($(box ps -a --format '{{.Names}}' 2>/dev/null))" ;;
  'kill'|'container kill')
    _arguments -S \
      '*-s[Signal]:signal:' \
      '*--signal[Signal]:signal:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:container:($(box ps -a --format '{{.Names}}' 2>/dev/null))" ;;
  'wait'|'container wait')
    _arguments -S \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:container:($(box ps -a --format '{{.Names}}' 2>/dev/null))" ;;
  'attach'|'container attach')
    _arguments -S \
      '*--no-stdin[Leave standard input alone]' \
      '*--sig-proxy[Pass signals on to the program]' \
      '*--no-sig-proxy[Pass signals on to the program]' \
      '*--detach-keys[Keys that detach, e.g. ctrl-p,ctrl-q]:detach-keys:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:container:($(box ps -a --format '{{.Names}}' 2>/dev/null))" ;;
  'logs'|'container logs')
    _arguments -S \
      '*-f[Go on as more is written, until the container ends]' \
      '*--follow[Go on as more is written, until the container ends]' \
      '*-t[Begin each line with its time]' \
      '*--timestamps[Begin each line with its time]' \
      '*--details[Accepted for Docker'\''s sake; there are no further attributes]' \
      '*-n[Lines from the end, or all]:tail:' \
      '*--tail[Lines from the end, or all]:tail:' \
      '*--since[Only what is younger than this time or duration]:since:' \
      '*--until[Only what is older than this time or duration]:until:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:container:($(box ps -a --format '{{.Names}}' 2>/dev/null))" ;;
  'ps'|'container ls'|'container list'|'container ps')
    _arguments -S \
      '*-a[Also those that do not run]' \
      '*--all[Also those that do not run]' \
      '*-q[Print the ids only]' \
      '*--quiet[Print the ids only]' \
      '*--no-trunc[Do not shorten ids and commands]' \
      '*-s[Show the size of the writable layer]' \
      '*--size[Show the size of the writable layer]' \
      '*-l[The newest only, whatever its state]' \
      '*--latest[The newest only, whatever its state]' \
      '*-n[This many of the newest, whatever their state]:last:' \
      '*--last[This many of the newest, whatever their state]:last:' \
      '*-f[Only those for which KEY=VALUE holds]:filter:' \
      '*--filter[Only those for which KEY=VALUE holds]:filter:' \
      '*--format[table, json, "table TEMPLATE" or TEMPLATE]:format:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'port'|'container port')
    _arguments -S \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'rm'|'container rm'|'container remove')
    _arguments -S \
      '*-f[Kill running ones first]' \
      '*--force[Kill running ones first]' \
      '*-v[Remove their anonymous volumes too]' \
      '*--volumes[Remove their anonymous volumes too]' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:container:($(box ps -a --format '{{.Names}}' 2>/dev/null))" ;;
  'inspect')
    _arguments -S \
      '*-f[json or a template]:format:' \
      '*--format[json or a template]:format:' \
      '*-s[Add the size of the writable layer]' \
      '*--size[Add the size of the writable layer]' \
      '*--type[Look for this kind only\: container, image, volume or network]:type:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:container:($(box ps -a --format '{{.Names}}' 2>/dev/null))" ;;
  'pull'|'image pull')
    _arguments -S \
      '*-a[Every tag of the repository]' \
      '*--all-tags[Every tag of the repository]' \
      '*-q[Print the name only]' \
      '*--quiet[Print the name only]' \
      '*--disable-content-trust[Accepted for Docker'\''s sake; there is no content trust to skip]' \
      '*--platform[Platform of the image, os/arch\[/variant\]]:platform:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:image:($(box images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null))" ;;
  'images'|'image ls'|'image list')
    _arguments -S \
      '*-a[Accepted for Docker'\''s sake; there are no intermediate images]' \
      '*--all[Accepted for Docker'\''s sake; there are no intermediate images]' \
      '*-q[Print the ids only]' \
      '*--quiet[Print the ids only]' \
      '*--digests[Show the digests]' \
      '*--no-trunc[Do not shorten ids]' \
      '*-f[Only those for which KEY=VALUE holds]:filter:' \
      '*--filter[Only those for which KEY=VALUE holds]:filter:' \
      '*--format[table, json, "table TEMPLATE" or TEMPLATE]:format:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'rmi'|'image rm'|'image remove')
    _arguments -S \
      '*-f[Also where stopped containers were made from it, or several names have its id]' \
      '*--force[Also where stopped containers were made from it, or several names have its id]' \
      '*--no-prune[Accepted for Docker'\''s sake; there are no untagged parents]' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:image:($(box images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null))" ;;
  'tag'|'image tag')
    _arguments -S \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:image:($(box images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null))" ;;
  'import'|'image import')
    _arguments -S \
      '*-c[Instruction of a Dockerfile, e.g. '\''CMD \["sh"\]'\'']:change:' \
      '*--change[Instruction of a Dockerfile, e.g. '\''CMD \["sh"\]'\'']:change:' \
      '*-m[Comment in the history]:message:' \
      '*--message[Comment in the history]:message:' \
      '*--platform[Platform of the image]:platform:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'version')
    _arguments -S \
      '*-f[json or a template]:format:' \
      '*--format[json or a template]:format:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'info'|'system info')
    _arguments -S \
      '*-f[json or a template]:format:' \
      '*--format[json or a template]:format:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'container inspect')
    _arguments -S \
      '*-f[json or a template]:format:' \
      '*--format[json or a template]:format:' \
      '*-s[Add the size of the writable layer]' \
      '*--size[Add the size of the writable layer]' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:container:($(box ps -a --format '{{.Names}}' 2>/dev/null))" ;;
  'container prune')
    _arguments -S \
      '*-f[Do not ask]' \
      '*--force[Do not ask]' \
      '*--filter[Only those for which KEY=VALUE holds\: until, label, label!]:filter:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'image inspect')
    _arguments -S \
      '*-f[json or a template]:format:' \
      '*--format[json or a template]:format:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      "*:image:($(box images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null))" ;;
  'image prune')
    _arguments -S \
      '*-a[Also those with a name]' \
      '*--all[Also those with a name]' \
      '*-f[Do not ask]' \
      '*--force[Do not ask]' \
      '*--filter[Only those for which KEY=VALUE holds\: until, label, label!]:filter:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'container update')
    _arguments -S \
      '*--publish-add[Publish a port\: \[\[ADDRESS\:\]HOSTPORT\:\]PORT\[/tcp|udp|sctp\]]:publish-add:' \
      '*--publish-rm[Withdraw a port\: PORT\[/tcp|udp|sctp\]]:publish-rm:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'network create')
    _arguments -S \
      '*-d[bridge, macvlan or ipvlan]:driver:' \
      '*--driver[bridge, macvlan or ipvlan]:driver:' \
      '*--subnet[Range of addresses, e.g. 10.5.0.0/16]:subnet:' \
      '*--ip-range[Part of the range from which addresses are chosen]:ip-range:' \
      '*--gateway[Address of the bridge, or of the router]:gateway:' \
      '*--aux-address[Address that is not given to containers, NAME=ADDRESS]:aux-address:' \
      '*--internal[Without a way out]' \
      '*--ipv4[IPv4 addresses]' \
      '*--no-ipv4[IPv4 addresses]' \
      '*--ipv6[IPv6 addresses too]' \
      '*--attachable[Accepted for Docker'\''s sake; every network can be joined by hand]' \
      '*--label[Label, KEY=VALUE]:label:' \
      '*-o[Option of the driver, KEY=VALUE]:opt:' \
      '*--opt[Option of the driver, KEY=VALUE]:opt:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'network ls'|'network list')
    _arguments -S \
      '*-q[Print the ids only]' \
      '*--quiet[Print the ids only]' \
      '*--no-trunc[Do not shorten ids]' \
      '*-f[Only those for which KEY=VALUE holds]:filter:' \
      '*--filter[Only those for which KEY=VALUE holds]:filter:' \
      '*--format[table, json, "table TEMPLATE" or TEMPLATE]:format:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'network inspect')
    _arguments -S \
      '*-f[json or a template]:format:' \
      '*--format[json or a template]:format:' \
      '*-v[Accepted for Docker'\''s sake; there is nothing more to tell]' \
      '*--verbose[Accepted for Docker'\''s sake; there is nothing more to tell]' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'network rm'|'network remove')
    _arguments -S \
      '*-f[Say nothing of networks that do not exist]' \
      '*--force[Say nothing of networks that do not exist]' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'network prune')
    _arguments -S \
      '*-f[Do not ask]' \
      '*--force[Do not ask]' \
      '*--filter[Only those for which KEY=VALUE holds\: until, label, label!]:filter:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'network connect')
    _arguments -S \
      '*--alias[Another name on the network]:alias:' \
      '*--ip[IPv4 address]:ip:' \
      '*--ip6[IPv6 address]:ip6:' \
      '*--link-local-ip[Link-local address]:link-local-ip:' \
      '*--gw-priority[The network of the highest priority gets the default route]:gw-priority:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'network disconnect')
    _arguments -S \
      '*-f[Say nothing where it is not connected]' \
      '*--force[Say nothing where it is not connected]' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'network reload')
    _arguments -S \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'system df')
    _arguments -S \
      '*-v[Image by image, container by container]' \
      '*--verbose[Image by image, container by container]' \
      '*--format[table, json, "table TEMPLATE" or TEMPLATE]:format:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'system check')
    _arguments -S \
      '*--repair[Mend what can be mended]' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  'system prune')
    _arguments -S \
      '*-a[Also images with a name]' \
      '*--all[Also images with a name]' \
      '*--volumes[Also anonymous volumes]' \
      '*-f[Do not ask]' \
      '*--force[Do not ask]' \
      '*--filter[Only those for which KEY=VALUE holds\: until, label, label!]:filter:' \
      '*-h[Show help information.]' \
      '*--help[Show help information.]' \
      '*:file:_files' ;;
  esac
}

_box "$@"
