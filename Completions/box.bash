# bash completion for box
_box() {
    local current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} flags= names=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W 'run container create start stop kill wait attach logs ps port rm inspect pull image images rmi tag import version info system network' -- "$current"))
        return
    fi
    case $verb in
    container)
        if [ "$COMP_CWORD" -eq 2 ]; then
            COMPREPLY=($(compgen -W 'run create start stop kill wait attach logs ls list ps port rm remove inspect prune update' -- "$current"))
            return
        fi
        verb="$verb ${COMP_WORDS[2]}" ;;
    image)
        if [ "$COMP_CWORD" -eq 2 ]; then
            COMPREPLY=($(compgen -W 'pull ls list rm remove tag import inspect prune' -- "$current"))
            return
        fi
        verb="$verb ${COMP_WORDS[2]}" ;;
    system)
        if [ "$COMP_CWORD" -eq 2 ]; then
            COMPREPLY=($(compgen -W 'info df check prune' -- "$current"))
            return
        fi
        verb="$verb ${COMP_WORDS[2]}" ;;
    network)
        if [ "$COMP_CWORD" -eq 2 ]; then
            COMPREPLY=($(compgen -W 'create ls list inspect rm remove prune connect disconnect reload' -- "$current"))
            return
        fi
        verb="$verb ${COMP_WORDS[2]}" ;;
    esac
    case $verb in
    'run' | 'container run')
        flags='--name --cidfile -l --label --label-file --annotation --platform --pull -q --quiet --disable-content-trust -i --interactive -t --tty -e --env --env-file -w --workdir -u --user --group-add --entrypoint --init --stop-signal --stop-timeout --rm --detach-keys -v --volume --mount --tmpfs --read-only --shm-size --device --net --network --net-alias --network-alias --ip --ip6 --link-local-ip --mac-address -p --publish -P --publish-all -h --hostname --domainname --add-host --dns --dns-search --dns-opt --dns-option --expose --pid --ipc --uts --cgroupns --userns --privileged --cap-add --cap-drop --security-opt --sysctl --ulimit -m --memory --memory-swap --memory-reservation --cpus -c --cpu-shares --cpu-period --cpu-quota --cpuset-cpus --cpuset-mems --pids-limit --oom-score-adj -d --detach -a --attach --sig-proxy --no-sig-proxy --help'
        names=images
        ;;
    'create' | 'container create')
        flags='--name --cidfile -l --label --label-file --annotation --platform --pull -q --quiet --disable-content-trust -i --interactive -t --tty -e --env --env-file -w --workdir -u --user --group-add --entrypoint --init --stop-signal --stop-timeout --rm --detach-keys -v --volume --mount --tmpfs --read-only --shm-size --device --net --network --net-alias --network-alias --ip --ip6 --link-local-ip --mac-address -p --publish -P --publish-all -h --hostname --domainname --add-host --dns --dns-search --dns-opt --dns-option --expose --pid --ipc --uts --cgroupns --userns --privileged --cap-add --cap-drop --security-opt --sysctl --ulimit -m --memory --memory-swap --memory-reservation --cpus -c --cpu-shares --cpu-period --cpu-quota --cpuset-cpus --cpuset-mems --pids-limit --oom-score-adj --help'
        names=images
        ;;
    'start' | 'container start')
        flags='-a --attach -i --interactive --detach-keys -h --help'
        names=containers
        ;;
    'stop' | 'container stop')
        flags='-s --signal -t --time --timeout -h --help'
        names=containers
        ;;
    'kill' | 'container kill')
        flags='-s --signal -h --help'
        names=containers
        ;;
    'wait' | 'container wait')
        flags='-h --help'
        names=containers
        ;;
    'attach' | 'container attach')
        flags='--no-stdin --sig-proxy --no-sig-proxy --detach-keys -h --help'
        names=containers
        ;;
    'logs' | 'container logs')
        flags='-f --follow -t --timestamps --details -n --tail --since --until -h --help'
        names=containers
        ;;
    'ps' | 'container ls' | 'container list' | 'container ps')
        flags='-a --all -q --quiet --no-trunc -s --size -l --latest -n --last -f --filter --format -h --help'
        ;;
    'port' | 'container port')
        flags='-h --help'
        ;;
    'rm' | 'container rm' | 'container remove')
        flags='-f --force -v --volumes -h --help'
        names=containers
        ;;
    'inspect')
        flags='-f --format -s --size --type -h --help'
        names=containers
        ;;
    'pull' | 'image pull')
        flags='-a --all-tags -q --quiet --disable-content-trust --platform -h --help'
        names=images
        ;;
    'images' | 'image ls' | 'image list')
        flags='-a --all -q --quiet --digests --no-trunc -f --filter --format -h --help'
        ;;
    'rmi' | 'image rm' | 'image remove')
        flags='-f --force --no-prune -h --help'
        names=images
        ;;
    'tag' | 'image tag')
        flags='-h --help'
        names=images
        ;;
    'import' | 'image import')
        flags='-c --change -m --message --platform -h --help'
        ;;
    'version')
        flags='-f --format -h --help'
        ;;
    'info' | 'system info')
        flags='-f --format -h --help'
        ;;
    'container inspect')
        flags='-f --format -s --size -h --help'
        names=containers
        ;;
    'container prune')
        flags='-f --force --filter -h --help'
        ;;
    'image inspect')
        flags='-f --format -h --help'
        names=images
        ;;
    'image prune')
        flags='-a --all -f --force --filter -h --help'
        ;;
    'container update')
        flags='--publish-add --publish-rm -h --help'
        ;;
    'network create')
        flags='-d --driver --subnet --ip-range --gateway --aux-address --internal --ipv4 --no-ipv4 --ipv6 --attachable --label -o --opt -h --help'
        ;;
    'network ls' | 'network list')
        flags='-q --quiet --no-trunc -f --filter --format -h --help'
        ;;
    'network inspect')
        flags='-f --format -v --verbose -h --help'
        ;;
    'network rm' | 'network remove')
        flags='-f --force -h --help'
        ;;
    'network prune')
        flags='-f --force --filter -h --help'
        ;;
    'network connect')
        flags='--alias --ip --ip6 --link-local-ip --gw-priority -h --help'
        ;;
    'network disconnect')
        flags='-f --force -h --help'
        ;;
    'network reload')
        flags='-h --help'
        ;;
    'system df')
        flags='-v --verbose --format -h --help'
        ;;
    'system check')
        flags='--repair -h --help'
        ;;
    'system prune')
        flags='-a --all --volumes -f --force --filter -h --help'
        ;;
    esac
    if [[ $current == -* ]]; then
        COMPREPLY=($(compgen -W "$flags" -- "$current"))
        return
    fi
    case $names in
    containers) COMPREPLY=($(compgen -W "$(box ps -a --format '{{.Names}}' 2>/dev/null)" -- "$current")) ;;
    images) COMPREPLY=($(compgen -W "$(box images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null)" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
}
complete -F _box box
